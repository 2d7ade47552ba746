// Package bennu runs a whole backend as one supervised program.
//
// Web requests, websocket channels, background workers and whatever else the program
// does are children of one supervision tree. [Run] boots it, waits for a signal, and
// stops it in order:
//
//	func main() {
//		err := bennu.Run(context.Background(), bennu.App{
//			Name: "shop",
//			Children: []supervisor.Child{
//				{Run: supervisor.Process(Orders, openOrders)},
//				{Name: "web", Run: &web.Endpoint{Addr: "127.0.0.1:4000", Handler: routes()}},
//			},
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// A part is in the program because it is listed as a child; this package pulls in
// nothing else. Start with the packages process (what runs) and supervisor (what keeps
// it running), then web, channel, pubsub and data.
package bennu
