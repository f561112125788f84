package scenario

import "os"

// Update is for the tests of both packages in this folder.
var Update = os.Getenv("NINES_UPDATE") == "1" // golden files are written anew
