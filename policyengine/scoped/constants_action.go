package scoped

// The actions that are asked for at a login or when a PIN is set (ACTION). All
// others can be written in policies and asked for by their names too.
const (
	// Scope authentication.
	ActionAuthCache            = "auth_cache"
	ActionChallengeResponse    = "challenge_response"
	ActionChallengeText        = "challenge_text"
	ActionChallengeTextHeader  = "challenge_text_header"
	ActionChallengeTextFooter  = "challenge_text_footer"
	ActionIncreaseFailCounter  = "increase_failcounter_on_challenge"
	ActionMangle               = "mangle"
	ActionOTPPIN               = "otppin"
	ActionPassNoToken          = "passOnNoToken"
	ActionPassNoUser           = "passOnNoUser"
	ActionPassthru             = "passthru"
	ActionPassthruAssign       = "passthru_assign"
	ActionPreferredClientMode  = "preferred_client_mode"
	ActionResetAllTokens       = "reset_all_user_tokens"
	ActionChangePINViaValidate = "change_pin_via_validate"
	ActionResyncViaChallenge   = "resync_via_multichallenge"
	ActionEnrollViaChallenge   = "enroll_via_multichallenge"
	ActionPushWait             = "push_wait"

	// Scope authorization.
	ActionAddResolver          = "add_resolver_in_response"
	ActionAddUser              = "add_user_in_response"
	ActionAPIKey               = "api_key_required"
	ActionApplicationTokenType = "application_tokentype"
	ActionAuthMaxFail          = "auth_max_fail"
	ActionAuthMaxSuccess       = "auth_max_success"
	ActionAuthorized           = "authorized"
	ActionLastAuth             = "last_auth"
	ActionNoDetailOnFail       = "no_detail_on_fail"
	ActionNoDetailOnSuccess    = "no_detail_on_success"
	ActionSerial               = "serial"
	ActionSetRealm             = "setrealm"
	ActionTokenInfo            = "tokeninfo"
	ActionTokenType            = "tokentype"

	// Scope enrollment.
	ActionAutoAssignment   = "autoassignment"
	ActionChangePINEvery   = "change_pin_every"
	ActionChangePINOnFirst = "change_pin_on_first_use"

	// Scopes admin and user.
	ActionPINMinLength           = "otp_pin_minlength"
	ActionPINMaxLength           = "otp_pin_maxlength"
	ActionPINContents            = "otp_pin_contents"
	ActionSetCustomAttributes    = "set_custom_user_attributes"
	ActionDeleteCustomAttributes = "delete_custom_user_attributes"
)
