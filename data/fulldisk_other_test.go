//go:build !unix

package data_test

func backupToAFullDisk(string) { panic("there is no limit to set") }
