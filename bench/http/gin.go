package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func withGin() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.SetHTMLTemplate(templates())
	g.GET("/plain", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	g.GET("/json", func(c *gin.Context) { c.JSON(http.StatusOK, ada()) })
	g.GET("/users/:id", func(c *gin.Context) { c.JSON(http.StatusOK, userOf(c.Param("id"))) })
	g.POST("/echo", func(c *gin.Context) {
		var u user
		if err := c.BindJSON(&u); err != nil {
			return
		}
		c.JSON(http.StatusOK, u)
	})
	g.GET("/html", func(c *gin.Context) { c.HTML(http.StatusOK, "layout", users()) })
	g.GET("/debug/mallocs", func(c *gin.Context) { c.String(http.StatusOK, mallocs()) })
	return g
}
