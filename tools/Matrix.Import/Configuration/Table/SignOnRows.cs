using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Ways of signing in elsewhere, and modules.</summary>
internal static class SignOnRows
{
    private const string Discovered = "The provider's metadata says it: its issuer must publish them.";
    private const string Safe = "This server has its own choice, a safe one.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Carried("oidc_providers", "sso.providers"),
        .. Provider("oidc_providers"),
        Group("oidc_config"),
        Carried("oidc_config.enabled", "sso.providers"),
        .. Provider("oidc_config"),
        Group("sso"),
        Carried("sso.client_whitelist", "sso.client_urls"),
        Listed(
            "sso.update_profile_information",
            "Names and avatars are the provider's at the first sign-in only.",
            "false"),
        Listed("sso.template_dir", "Pages have this server's own texts.", "[]"),
        Read("saml2_config", "SAML is not supported: it is refused by its own name."),
        Read("cas_config", "CAS is not supported: it is refused by its own name."),
        Read("jwt_config", "Signing in with JSON Web Tokens is not supported: it is refused by its own name."),
        Read("matrix_authentication_service", "Sessions and passwords are there, and not in Synapse's database."),
        Read("modules", "Python modules: each is refused by its own name."),
        Read("password_providers", "Python modules: each is refused by its own name."),
        Read("ldap_config", "A Python module: it is refused by its own name."),
        Read("spam_checker", "A Python module: it is refused by its own name."),
        Read("third_party_event_rules", "A Python module: it is refused by its own name."),
    ];

    private static SettingRow[] Provider(string name) =>
    [
        Carried($"{name}.idp_id", "sso.providers"),
        Carried($"{name}.idp_name", "sso.providers"),
        Carried($"{name}.idp_icon", "sso.providers"),
        Carried($"{name}.idp_brand", "sso.providers"),
        Carried($"{name}.issuer", "sso.providers"),
        Carried($"{name}.client_id", "sso.providers"),
        Carried($"{name}.client_secret", "sso.providers"),
        Carried($"{name}.client_secret_path", "sso.providers"),
        Refused(
            $"{name}.client_secret_jwt_key",
            "Secrets that are made of a key, as Apple wants them, are not supported: nobody could sign in there."),
        Costless($"{name}.client_auth_method", Discovered),
        Costless($"{name}.pkce_method", "PKCE is always used."),
        Costless($"{name}.id_token_signing_alg_values_supported", Safe),
        Carried($"{name}.scopes", "sso.providers"),
        Refused($"{name}.discover", Discovered + " Otherwise nobody can sign in there.", "true"),
        Costless($"{name}.authorization_endpoint", Discovered),
        Costless($"{name}.token_endpoint", Discovered),
        Costless($"{name}.userinfo_endpoint", Discovered),
        Costless($"{name}.jwks_uri", Discovered),
        Costless($"{name}.skip_verification", "The provider's metadata are always verified."),
        Costless($"{name}.user_profile_method", "What the ID token lacks is asked for."),
        Listed($"{name}.redirect_uri", "The provider sends users back to this server itself."),
        Listed(
            $"{name}.additional_authorization_parameters",
            "Requests to the provider have no further parameters.",
            "[]"),
        Listed($"{name}.passthrough_authorization_parameters", "Clients' parameters are not passed on.", "[]"),
        Carried($"{name}.allow_existing_users", "sso.providers"),
        Carried($"{name}.enable_registration", "sso.providers"),
        Carried($"{name}.user_mapping_provider", "sso.providers"),
        Refused(
            $"{name}.attribute_requirements",
            "Everybody with an account at the provider may sign in: let the provider decide who may.",
            "[]"),
        Costless($"{name}.backchannel_logout_enabled", "The provider may always end sessions here."),
        Costless($"{name}.backchannel_logout_ignore_sub", "Of a logout, session and subject count."),
    ];
}
