package main

import (
	"context"
	"net/http"
	"time"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/web"
)

// asset is the address of a file, by which browsers keep it until it changes.
func asset(ctx context.Context, file string) string {
	return pageAssets.Value(ctx).URL("/assets", file)
}

func thisYear() int { return time.Now().Year() }

func errorPage(_ context.Context, p web.ProblemDetails) web.View { return problem(p) }

// statusText says what has gone wrong, to people.
func statusText(ctx context.Context, status int) string {
	switch status {
	case http.StatusForbidden:
		return locale.T(ctx, "You may not do this.")
	case http.StatusNotFound:
		return locale.T(ctx, "There is nothing here.")
	case http.StatusRequestEntityTooLarge:
		return locale.T(ctx, "This is too large.")
	case http.StatusTooManyRequests:
		return locale.T(ctx, "That was too often. Please wait a little.")
	case http.StatusServiceUnavailable:
		return locale.T(ctx, "There is too much to do just now. Please try again.")
	}
	if status < 500 {
		return locale.T(ctx, "This did not work.")
	}
	return locale.T(ctx, "Something went wrong, and it is not your fault.")
}
