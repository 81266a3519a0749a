package scoped

// The scopes of policies besides those that the matching knows (SCOPE). A scope
// says which decision a policy speaks to.
const (
	ScopeRegister   = "register"
	ScopeEnrollment = "enrollment"
	ScopeWebUI      = "webui"
	// ScopeAudit is a name only: no action is defined in it.
	ScopeAudit = "audit"
)

// Group is a heading under which actions are listed (GROUP).
type Group = string

// The headings.
const (
	GroupTools             Group = "tools"
	GroupSystem            Group = "system"
	GroupToken             Group = "token"
	GroupEnrollment        Group = "enrollment"
	GroupGeneral           Group = "general"
	GroupMachine           Group = "machine"
	GroupUser              Group = "user"
	GroupPIN               Group = "pin"
	GroupModifyingResponse Group = "modifying response"
	GroupConditions        Group = "conditions"
	GroupSettingActions    Group = "setting actions"
	GroupTokenGroup        Group = "tokengroup"
	GroupServiceID         Group = "service ID"
)

// MainMenu is a menu of the user interface (MAIN_MENU).
type MainMenu = string

// The menus.
const (
	MenuTokens     MainMenu = "tokens"
	MenuUsers      MainMenu = "users"
	MenuMachines   MainMenu = "machines"
	MenuConfig     MainMenu = "config"
	MenuAudit      MainMenu = "audit"
	MenuComponents MainMenu = "components"
)

// What the action otppin can say of the PIN (ACTIONVALUE); passthru shares
// PINUserStore, and the action login_mode has values of its own.
const (
	PINToken     = "tokenpin"  // the PIN of the token
	PINUserStore = "userstore" // the password of the directory
	PINDisable   = "disable"
	PINNone      = "none" // no PIN at all
)

// What the action authorized can say (AUTHORIZED).
const (
	AuthorizedAllow = "grant_access"
	AuthorizedDeny  = "deny_access"
)

// What the action autoassignment can say of the PIN (AUTOASSIGNVALUE).
const (
	AutoAssignUserStore = "userstore" // must be the password of the directory
	AutoAssignAnyPIN    = "any_pin"   // becomes the PIN of the token (NONE)
)

// How users log in to the web interface, action login_mode (LOGINMODE).
const (
	LoginModeUserStore   = "userstore"
	LoginModePrivacyIDEA = "privacyIDEA"
	LoginModeDisable     = "disable"
)

// Whether a user that the web server names is taken, action remote_user
// (REMOTE_USER).
const (
	RemoteUserDisable = "disable"
	RemoteUserAllowed = "allowed" // ACTIVE
	RemoteUserForce   = "force"
)

// What happens to a web session without activity, action timeout_action
// (TIMEOUT_ACTION).
const (
	TimeoutLogout     = "logout"
	TimeoutLockScreen = "lockscreen"
)
