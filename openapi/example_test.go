package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/web"
)

type Truck struct {
	ID   int64  `json:"id"`
	Name string `json:"name" doc:"As painted on its door."`
}

func showTruck(_ context.Context, in struct {
	ID int64 `path:"id"`
}) (Truck, error) {
	return Truck{in.ID, "T-1"}, nil
}

func Example() {
	router := web.NewRouter()
	router.Handle("GET /api/trucks/{id}", web.JSON(showTruck).Doc("Shows a truck"))
	info := openapi.Info{Title: "Fleet", Version: "1.0", Security: []openapi.Security{openapi.Bearer("/api")}}
	router.Handle("GET /openapi.json", openapi.Handler(router, info))
	router.Mount("/docs", openapi.Explorer("/openapi.json"))

	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	var document struct {
		Paths map[string]map[string]struct{ OperationID, Summary string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		fmt.Println(err)
	}
	fmt.Println(document.Paths)

	client := string(openapi.Of(router, info).TypeScript())
	from := strings.Index(client, "export interface Truck")
	fmt.Println(client[from : from+strings.Index(client[from:], "}\n")+1])
	// Output:
	// map[/api/trucks/{id}:map[get:{showTruck Shows a truck}]]
	// export interface Truck {
	//   /** A number is exact up to 2^53. */
	//   id: number;
	//   /** As painted on its door. */
	//   name: string;
	// }
}
