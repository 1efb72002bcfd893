package provisioning

// Action is what an administrator does on this server about a refusal. The command line
// words it as a command, the console as one of its pages.
type Action string

// The actions that advice names.
const (
	ReleaseHold         Action = "release-hold"
	CreateGroup         Action = "create-group"
	AllowGroupLifecycle Action = "allow-group-lifecycle"
	CreateRole          Action = "create-role"
	CreateDivision      Action = "create-division"
	CreateSkill         Action = "create-skill"
	CreateLanguage      Action = "create-language"
	SetRegion           Action = "set-region"
	SetRemovalLimit     Action = "set-removal-limit"
	CreateClient        Action = "create-client"
	AddSchema           Action = "add-schema"
	LeaveStrictMode     Action = "leave-strict-mode"
)

// Actions are all of them.
var Actions = []Action{
	ReleaseHold, CreateGroup, AllowGroupLifecycle, CreateRole, CreateDivision, CreateSkill, CreateLanguage, SetRegion,
	SetRemovalLimit, CreateClient, AddSchema, LeaveStrictMode,
}

var commands = map[Action]string{
	ReleaseHold:         "purescim hold list, purescim hold release ID",
	CreateGroup:         "purescim group create NAME",
	AllowGroupLifecycle: "purescim org set NAME --group-lifecycle",
	CreateRole:          "purescim role create NAME",
	CreateDivision:      "purescim division create NAME",
	CreateSkill:         "purescim skill create NAME",
	CreateLanguage:      "purescim language create NAME",
	SetRegion:           "purescim org set NAME --region CC",
	SetRemovalLimit:     "purescim org set NAME --removal-limit N",
	CreateClient:        `purescim client create --org NAME --role "SCIM Integration"`,
	AddSchema:           "purescim schema add",
	LeaveStrictMode:     "purescim org set NAME --no-strict",
}

// Command is the command line of an action, or the two of it. The empty action has none.
func (a Action) Command() string { return commands[a] }
