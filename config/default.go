package config

import "time"

// Default is the tree before any file is read.
func Default() *Config {
	return &Config{
		Server: Server{
			Enabled:     true,
			Listen:      "127.0.0.1:8801",
			Limits:      defaultLimits(),
			PreStopWait: 5 * time.Second,
			Drain:       30 * time.Second,
		},
		ExtProc: ExtProc{
			Listen:         "127.0.0.1:50051",
			MessageTimeout: 2 * time.Second,
			OnUnreadBody:   UnreadBodyRefuse,
		},
		Admin: Admin{Listen: "127.0.0.1:8802", BatchTexts: 10000},
		Classify: Classify{
			Accelerator:    "auto",
			Deadline:       time.Second,
			MaxWindows:     64,
			Queue:          256,
			Threads:        1,
			OnFailure:      "default",
			OnUnread:       "route",
			OnGuardFailure: "refuse",
			OnGuardUnread:  "refuse",
		},
		Upstream: Upstream{
			Mode: "direct",
			Timeouts: Timeouts{
				Dial:           2 * time.Second,
				TLS:            5 * time.Second,
				ResponseHeader: 600 * time.Second,
				Silence:        120 * time.Second,
				Write:          30 * time.Second,
			},
		},
		Routing: Routing{
			AutoModels:   []string{"auto", "vllm-sr/auto", "MoM"},
			UnknownModel: "reject",
			Scope:        "last_user",
		},
		Telemetry: Telemetry{
			OTLPProtocol: "http/protobuf",
			SampleRatio:  1,
			ServiceName:  "vsr-proxy",
		},
		Log: Log{Level: "info", Format: "text"},
	}
}

func defaultLimits() Limits {
	return Limits{
		HeaderBytes:   64 << 10,
		HeaderFields:  100,
		HeaderTimeout: 5 * time.Second,
		BodyBytes:     32 << 20,
		BodyTimeout:   10 * time.Second,
		BodyMemory:    512 << 20,
		JSONDepth:     64,
		Messages:      2048,
		Concurrency:   1000,
		Wait:          time.Second,
	}
}
