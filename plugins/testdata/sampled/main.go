// Command sampled serves the sample plugin as a program.
package main

import (
	"github.com/sallyport-auth/sallyport/plugins/sdk"
	"github.com/sallyport-auth/sallyport/plugins/testdata/sample"
)

func main() { sdk.Serve(sample.Plugin()) }
