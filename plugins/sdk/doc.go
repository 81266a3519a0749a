// Package sdk is what the author of a condition helper imports. A helper is a
// program whose main function describes its functions and calls Serve:
//
//	func main() {
//		sdk.Serve(sdk.Plugin{
//			Name:    "weekday",
//			Version: "1.0.0",
//			Functions: []sdk.Function{{
//				Name:  "is_weekend",
//				Doc:   "is_weekend() is true on Saturday and Sunday.",
//				Class: sdk.Deterministic,
//				Reads: []string{"now.weekday"},
//				Call: sdk.Func0(func(_ context.Context, login sdk.Facts) (bool, error) {
//					day := login.String("now.weekday")
//					return day == "Saturday" || day == "Sunday", nil
//				}),
//			}},
//		})
//	}
//
// Sallyport starts the program, calls its functions over gRPC and starts it
// again when it dies. The package keeps this promise: the program never outlives
// the Sallyport that started it.
package sdk
