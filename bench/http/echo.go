package main

import (
	"net/http"

	"github.com/labstack/echo/v5"
)

func withEcho() http.Handler {
	e := echo.New()
	e.Renderer = &echo.TemplateRenderer{Template: templates()}
	e.GET("/plain", func(c *echo.Context) error { return c.String(http.StatusOK, "hello") })
	e.GET("/json", func(c *echo.Context) error { return c.JSON(http.StatusOK, ada()) })
	e.GET("/users/:id", func(c *echo.Context) error { return c.JSON(http.StatusOK, userOf(c.Param("id"))) })
	e.POST("/echo", func(c *echo.Context) error {
		var u user
		if err := c.Bind(&u); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, u)
	})
	e.GET("/html", func(c *echo.Context) error { return c.Render(http.StatusOK, "layout", users()) })
	e.GET("/debug/mallocs", func(c *echo.Context) error { return c.String(http.StatusOK, mallocs()) })
	return e
}
