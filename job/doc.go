// Package job does work later, elsewhere or again: what is inserted is done, whatever dies.
package job
