package scoped

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// definitionFile is the file that the table is generated from.
type definitionFile struct {
	Scopes     map[string]map[string]map[string]any `json:"scopes"`
	Types      []string                             `json:"token_types"`
	UserTypes  []string                             `json:"user_enrollable_token_types"`
	AdminTypes []string                             `json:"admin_enrollable_token_types"`
	Groups     map[string]string                    `json:"groups"`
	Menus      []string                             `json:"main_menus"`
	Constants  map[string]map[string]string         `json:"value_constants"`
	Sections   []string                             `json:"condition_sections"`
}

func readDefinitions(t *testing.T) definitionFile {
	t.Helper()
	data, err := os.ReadFile("testdata/policy-definitions.json")
	if err != nil {
		t.Fatal(err)
	}
	var file definitionFile
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

func TestDefinitionsAgreeWithTheirSource(t *testing.T) {
	file, defs := readDefinitions(t), NewDefinitions()
	count := 0
	for scope, actions := range file.Scopes {
		if got := len(defs.Scope(scope)); got != len(actions) {
			t.Errorf("scope %s has %d actions, want %d", scope, got, len(actions))
		}
		for action, a := range actions {
			count++
			want := Definition{Scope: scope, Action: action, Type: ActionType(fmt.Sprint(a["type"])), Menus: texts(a["main_menu"]), Values: texts(a["values"])}
			want.Group, _ = a["group"].(string)
			want.ValuesFrom, _ = a["values_from"].(string)
			want.Multiple, _ = a["multiple"].(bool)
			want.TokenSpecific, _ = a["token_specific"].(bool)
			if r := texts(a["int_range"]); len(r) == 2 {
				want.Range = &Range{}
				if _, err := fmt.Sscan(r[0]+" "+r[1], &want.Range.Min, &want.Range.Max); err != nil {
					t.Fatal(err)
				}
			}
			got, ok := defs.Lookup(scope, action)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Definition{}), cmpopts.IgnoreFields(Definition{}, "Description")); diff != "" || !ok {
				t.Errorf("%s/%s (-want +got):\n%s", scope, action, diff)
			}
		}
	}
	if count != 395 || len(defs.Scopes()) != len(file.Scopes) {
		t.Errorf("%d actions in %q", count, defs.Scopes())
	}
	var types, user, admin []string
	for _, tt := range defs.TokenTypes() {
		types = append(types, tt.Name)
	}
	user, admin = defs.Enrollable(ScopeUser), defs.Enrollable(ScopeAdmin)
	if !slices.Equal(types, file.Types) || !slices.Equal(user, file.UserTypes) || !slices.Equal(admin, file.AdminTypes) {
		t.Errorf("token types %q, user %q, admin %q", types, user, admin)
	}
	if got := defs.Enrollable("guest"); got != nil {
		t.Errorf("guests enroll %q", got)
	}
}

func TestDefinitionsDescribeWhatExists(t *testing.T) {
	defs := NewDefinitions()
	for key, text := range descriptions() {
		scope, action, _ := strings.Cut(key, "/")
		def, ok := defs.Lookup(scope, action)
		if !ok || def.Description != text || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %v, %q", key, ok, text)
		}
	}
	for _, scope := range []string{ScopeAuthentication, ScopeAuthorization} {
		for _, def := range defs.Scope(scope) {
			if !def.TokenSpecific && def.Description == "" {
				t.Errorf("%s/%s has no description", scope, def.Action)
			}
		}
	}
}

func TestDefinitionsOfTokenTypes(t *testing.T) {
	defs := NewDefinitions()
	for _, tt := range []struct {
		scope, action string
		want          bool
		kind          ActionType
	}{
		{ScopeUser, "enrollHOTP", true, TypeBool},
		{ScopeUser, "enroll4EYES", false, ""},
		{ScopeAdmin, "enroll4EYES", true, TypeBool},
		{ScopeUser, "hotp_otp_pin_minlength", true, TypeInt},
		{ScopeAdmin, "hotp_otp_pin_contents", true, TypeStr},
		{ScopeUser, "nosuch_otp_pin_minlength", false, ""},
		{ScopeEnrollment, "hotp_otp_pin_minlength", false, ""},
		{ScopeAuthentication, "hotp_challenge_text", true, TypeStr},
		{ScopeAuthentication, "nosuch", false, ""},
		{"nosuch", "enable", false, ""},
	} {
		def, ok := defs.Lookup(tt.scope, tt.action)
		if ok != tt.want || def.Type != tt.kind || ok && (def.Action != tt.action || !def.TokenSpecific) {
			t.Errorf("%s/%s: %v, %+v", tt.scope, tt.action, ok, def)
		}
	}
	if !defs.KnownScope(ScopeAudit) || !defs.KnownScope(ScopeWebUI) || defs.KnownScope("nosuch") {
		t.Error("the wrong scopes are known")
	}
}

func TestMisspeltMenu(t *testing.T) {
	def, ok := NewDefinitions().Lookup(ScopeAdmin, "resolverread")
	if !ok || !slices.Equal(def.OpensMenus(false), []MainMenu{MenuConfig}) || def.OpensMenus(true) != nil {
		t.Errorf("%v %+v", ok, def)
	}
}

func TestConstantsAgreeWithTheirSource(t *testing.T) {
	file := readDefinitions(t)
	want := map[string]map[string]string{
		"ACTIONVALUE":     {"TOKENPIN": PINToken, "USERSTORE": PINUserStore, "DISABLE": PINDisable, "NONE": PINNone},
		"AUTHORIZED":      {"ALLOW": AuthorizedAllow, "DENY": AuthorizedDeny},
		"AUTOASSIGNVALUE": {"USERSTORE": AutoAssignUserStore, "NONE": AutoAssignAnyPIN},
		"LOGINMODE":       {"USERSTORE": LoginModeUserStore, "PRIVACYIDEA": LoginModePrivacyIDEA, "DISABLE": LoginModeDisable},
		"REMOTE_USER":     {"DISABLE": RemoteUserDisable, "ACTIVE": RemoteUserAllowed, "FORCE": RemoteUserForce},
		"TIMEOUT_ACTION":  {"LOGOUT": TimeoutLogout, "LOCKSCREEN": TimeoutLockScreen},
	}
	if diff := cmp.Diff(file.Constants, want); diff != "" {
		t.Error(diff)
	}
	groups := map[string]string{
		"TOOLS": GroupTools, "SYSTEM": GroupSystem, "TOKEN": GroupToken, "ENROLLMENT": GroupEnrollment, "GENERAL": GroupGeneral,
		"MACHINE": GroupMachine, "USER": GroupUser, "PIN": GroupPIN, "MODIFYING_RESPONSE": GroupModifyingResponse,
		"CONDITIONS": GroupConditions, "SETTING_ACTIONS": GroupSettingActions, "TOKENGROUP": GroupTokenGroup, "SERVICEID": GroupServiceID,
	}
	if diff := cmp.Diff(file.Groups, groups); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(file.Menus, []string{MenuTokens, MenuUsers, MenuMachines, MenuConfig, MenuAudit, MenuComponents}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(file.Sections, []string{SectionUserInfo, SectionToken, SectionTokenInfo, SectionHTTPHeader, SectionHTTPEnviron}); diff != "" {
		t.Error(diff)
	}
	for _, scope := range []string{ScopeRegister, ScopeAdmin, ScopeUser, ScopeEnrollment, ScopeAuthentication, ScopeAuthorization, ScopeWebUI} {
		if file.Scopes[scope] == nil {
			t.Errorf("scope %s has no definitions", scope)
		}
	}
}

func TestActionConstantsAreDefined(t *testing.T) {
	defs := NewDefinitions()
	for scope, actions := range map[string][]string{
		ScopeAuthentication: {
			ActionAuthCache, ActionChallengeResponse, ActionChallengeText, ActionChallengeTextHeader, ActionChallengeTextFooter,
			ActionIncreaseFailCounter, ActionMangle, ActionOTPPIN, ActionPassNoToken, ActionPassNoUser, ActionPassthru, ActionPassthruAssign,
			ActionPreferredClientMode, ActionResetAllTokens, ActionChangePINViaValidate, ActionResyncViaChallenge, ActionEnrollViaChallenge, ActionPushWait,
		},
		ScopeAuthorization: {
			ActionAddResolver, ActionAddUser, ActionAPIKey, ActionApplicationTokenType, ActionAuthMaxFail, ActionAuthMaxSuccess, ActionAuthorized,
			ActionLastAuth, ActionNoDetailOnFail, ActionNoDetailOnSuccess, ActionSerial, ActionSetRealm, ActionTokenInfo, ActionTokenType,
		},
		ScopeEnrollment: {ActionAutoAssignment, ActionChangePINEvery, ActionChangePINOnFirst},
		ScopeUser:       {ActionPINMinLength, ActionPINMaxLength, ActionPINContents, ActionSetCustomAttributes, ActionDeleteCustomAttributes},
	} {
		for _, action := range actions {
			if _, ok := defs.Lookup(scope, action); !ok {
				t.Errorf("%s/%s is not defined", scope, action)
			}
		}
	}
}
