package main

import (
	"context"
	"errors"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/fault"
)

type driveOptions struct {
	To     string        `flag:"to" env:"FLEET_DEVICES" default:"127.0.0.1:5006" help:"where a fleet takes devices (its -devices)"`
	ID     string        `flag:"id" default:"my-phone" help:"the unit that it is"`
	Key    fault.Secret  `flag:"key" env:"FLEET_KEY" secret:"true" help:"the fleet's key"`
	Agency string        `flag:"agency" default:"nyc" help:"who watches it"`
	Lat    float64       `flag:"lat" default:"40.7484" help:"where it begins"`
	Lon    float64       `flag:"lon" default:"-73.9857" help:"where it begins"`
	Every  time.Duration `flag:"every" default:"1s" help:"between two positions"`
}

// drive is a device that drives in a circle, until it is interrupted.
func drive(args []string) error {
	opts, err := config.Load[driveOptions](name+" device", args, os.LookupEnv)
	if err != nil {
		return err
	}
	if opts.Key.Reveal() == "" && !loopback(opts.To) {
		return fault.Invalid.Errorf("-to %s is not on this machine: set -key to the fleet's", opts.To)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := NewDevice(opts.To, opts.ID, opts.Key)
	d.Agency = opts.Agency
	d.Committed = func(r Report) { d.Log.Info("committed", "lat", *r.Lat, "lon", *r.Lon, "kept", d.Kept()) }
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	tick := time.NewTicker(max(opts.Every, 10*time.Millisecond))
	defer tick.Stop()
	for began := time.Now(); ; {
		switch err := d.Report(opts.at(time.Since(began))); {
		case errors.Is(err, fault.Exhausted):
			d.Log.Warn("a position is lost", "error", err)
		case err != nil:
			return err
		}
		select {
		case <-tick.C:
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

const (
	circle    = 300.0 // m
	pace      = 10.0  // m/s
	perDegree = 111_320.0
)

// at is where the device is after a while: on a circle whose southernmost point it left.
func (o driveOptions) at(after time.Duration) Report {
	angle := after.Seconds() * pace / circle
	lat := o.Lat + circle*(1-math.Cos(angle))/perDegree
	lon := o.Lon + circle*math.Sin(angle)/perDegree/math.Cos(o.Lat*math.Pi/180)
	speed, heading := pace, math.Mod(360+math.Mod(90-angle*180/math.Pi, 360), 360)
	now := time.Now()
	return Report{Lat: &lat, Lon: &lon, Speed: &speed, Heading: &heading, At: &now}
}
