using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>Ways of signing in that this server does not have.</summary>
/// <param name="HasSaml">Whether SAML 2 is on. Its name in `user_external_ids` is `saml`.</param>
/// <param name="HasCas">Whether CAS is on. Its name in `user_external_ids` is `cas`.</param>
/// <param name="HasJwt">Whether JSON Web Tokens are. They have no external ids: the token names the user.</param>
public sealed record OtherSignIns(bool HasSaml, bool HasCas, bool HasJwt)
{
    internal static OtherSignIns Read(SettingMap root)
    {
        var saml = root.Map("saml2_config");
        var cas = root.Map("cas_config");
        return new OtherSignIns(
            saml.Flag("enabled", true) && (saml.Has("sp_config") || saml.Has("config_path")),
            cas.Members.Count > 0 && cas.Flag("enabled", true),
            root.Map("jwt_config").Flag("enabled", false));
    }
}
