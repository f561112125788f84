package cli
import "github.com/spf13/cobra"
func (a *app) compare() *cobra.Command { return &cobra.Command{Use: "compare"} }
func (a *app) sweep() *cobra.Command { return &cobra.Command{Use: "sweep"} }
func (a *app) plot() *cobra.Command { return &cobra.Command{Use: "plot"} }
func (a *app) replay() *cobra.Command { return &cobra.Command{Use: "replay"} }
