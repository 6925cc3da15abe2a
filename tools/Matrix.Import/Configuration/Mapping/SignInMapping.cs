namespace Matrix.Import.Configuration.Mapping;

/// <summary>Ways of signing in that end, and modules. What concerns most people comes first.</summary>
internal static class SignInMapping
{
    internal static void Map(MappingContext to)
    {
        if (to.Config.Delegated is { } delegated)
        {
            to.Findings.List(
                delegated.Setting,
                "Sessions, passwords and mail addresses are in Matrix Authentication Service, and not in Synapse's "
                    + "database: all else is carried, and everybody has to sign in anew.");
        }

        var others = to.Config.OtherSignIns;
        if (others.HasSaml) Refuse("saml2_config", "by SAML");
        if (others.HasCas) Refuse("cas_config", "by CAS");
        if (others.HasJwt) Refuse("jwt_config", "with a JSON Web Token");
        foreach (var module in to.Config.Modules)
        {
            to.Findings.Refuse(
                $"{module.Setting}.{module.Name}",
                module.MayCheckPasswords
                    ? "Python modules are not loaded: whom it lets in has no other way, unless Synapse has a password."
                    : "Python modules are not loaded: what it does ends.");
        }

        void Refuse(string setting, string way) =>
            to.Findings.Refuse(setting, $"Nobody can sign in {way} here: `--check` lists who has no other way.");
    }
}
