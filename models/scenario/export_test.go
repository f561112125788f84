package scenario

import "flag"

// Update is for the tests of both packages in this folder.
var Update = flag.Bool("update", false, "write what is found as what is expected")
