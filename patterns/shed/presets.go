package shed

import "github.com/nines-sim/nines/patterns"

// Presets lists what libraries do under the names that files have for them. Each is a [ThrottleConfig], an
// [AIMDConfig], a [VegasConfig], a [Gradient2Config] or a [GradientConfig].
func Presets() []patterns.Preset[patterns.Config] {
	return []patterns.Preset[patterns.Config]{
		{Name: "sre", Version: "2016", Config: SRE()},
		{Name: "kratos", Version: "v0.2.0", Config: Kratos()},
		{Name: "envoy_admission", Version: "v3", Config: EnvoyAdmission()},
		{Name: "failsafe_go", Version: "v0.9.8", Config: FailsafeThrottler()},
		{Name: "netflix_aimd", Version: "78a74b98", Config: DefaultAIMDConfig()},
		{Name: "netflix_vegas", Version: "78a74b98", Config: DefaultVegasConfig()},
		{Name: "netflix_gradient2", Version: "78a74b98", Config: DefaultGradient2Config()},
		{Name: "envoy_gradient", Version: "v3", Config: DefaultGradientConfig()},
	}
}

// QueuePresets lists the same for a server's waiting line.
func QueuePresets() []patterns.Preset[QueueConfig] {
	return []patterns.Preset[QueueConfig]{
		{Name: "rfc8289", Version: "2018", Config: RFC8289()},
		{Name: "folly", Version: "1ad98e21", Config: Folly()},
		{Name: "fail_at_scale", Version: "2015", Config: FailAtScale()},
	}
}
