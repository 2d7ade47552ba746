// Fleet is a dispatch centre in one program: ambulances and crews send their positions,
// dispatchers watch them move.
//
//	go run ./examples/fleet      # http://127.0.0.1:4000, replaying 996 vehicles
//
// # Doors
//
// A device sends its position by HTTP, as the OsmAnd and Traccar Client apps do, as NMEA
// sentences over UDP, or over the socket (topic unit:<id>, event position): by websocket,
// by long-polling, or by UDP, which is for devices on bad networks. With agency=nyc it is
// seen beside the replayed vehicles:
//
//	curl 'http://127.0.0.1:4000/osmand?id=amb-1&lat=40.75&lon=-73.98&agency=nyc'
//	printf 'amb-2 $GPRMC,…*hh' | nc -u -w0 127.0.0.1 5005
//	go run ./examples/fleet device -id my-phone
//
//	| door       | flag     | a position is              | with -key          |
//	|------------|----------|----------------------------|--------------------|
//	| /osmand    | -addr    | committed when answered    | key=…              |
//	| /socket    | -addr    | committed when answered    | key=…              |
//	| socket/UDP | -devices | committed when answered    | signs with the key |
//	| NMEA       | -udp     | not answered, but counted  | begins with it     |
//
// The last command is such a device: it keeps what is not acknowledged, and sends it again,
// whatever happens to the network or the server. See device.go.
//
// Others read:
//
//	GET /api/units                            all units
//	GET /api/units/{id}                       one
//	GET /api/units/{id}/track?from=…&to=…     its positions, 1,000 a page
//	GET /api/units/{id}/restarts              what its process went through
//	GET /api/reports/{id}                     a trip report, as CSV
//	GET /api/agencies                         who has units
//	GET /api/health                           the tree and the counters
//
// The page, and whoever else joins agency:<id> on /socket, gets what moved, five times a
// second, sees who else watches, draws geofences and is told who crosses them. The event
// trips on unit:<id> asks for a trip report; report:<id> tells how far it is, until its file
// is at /api/reports/{id}. /socket.d.ts has all that is said there, as TypeScript.
// go run ./examples/fleet -h has the options.
//
// # People
//
// On this machine alone nobody is asked for a name. With a -key, or as soon as there is a
// user, people log in; programs go on to show the key:
//
//	go run ./examples/fleet user -name ann          # prints her password; FLEET_PASSWORD chooses one
//	go run ./examples/fleet user -name ann -remove
//
// # Database
//
// All is in fleet.db, a file of SQLite, or where -db says, which may be a server:
//
//	go run ./examples/fleet -db 'postgres://fleet:secret@127.0.0.1/fleet'
//
// Each night at 3:00 UTC what is older than -keep goes, and at 3:30 a copy of the file is
// made beside it, in fleet.db.backup. A server has pg_dump for that. By hand, on what FLEET_DB
// names (fleet.db, if nothing):
//
//	go run ./examples/fleet data backup /safe/fleet.db    # restore, check and migrate, too
//
// # Design
//
// Each unit is a process. What is sent to it by HTTP, by a socket, or by the replay, is a
// call of its method Fix, which answers once the position is committed. The board is one
// process that knows where all are; dispatchers' pages get what moved from it, five times
// a second. What may take long, fail, or is due by itself is a job: an alert (geofence.go),
// a trip report (trips.go), the nightly work (upkeep.go). Start reading at main.go, the tree;
// then unit.go, board.go and store.go.
package main
