namespace Matrix.Import.Configuration.Mapping;

/// <summary>Tokens and passwords.</summary>
internal static class SessionMapping
{
    internal static void Map(MappingContext to)
    {
        const string lifetime = "refreshable_access_token_lifetime";
        to.Ours.Set("sessions.access_token_lifetime", to.From.Duration(lifetime));
        if (to.From.IsWritten(lifetime) && !to.From.Has(lifetime))
        {
            to.Findings.List(lifetime, "Clients that ask for tokens with a lifetime get them.");
        }

        to.Ours.Set(
            "sessions.login_token_lifetime", to.From.Map("login_via_existing_session").Duration("token_timeout"));
        if (to.Config.Passwords is { AreCarried: true, Pepper: var pepper })
        {
            to.Ours.Set("passwords.imported_pepper", pepper);
        }

        if (to.Config.Passwords is { HasPolicy: true, ShortestPassword: { } length })
        {
            to.Ours.Set("passwords.shortest", length, 1, 512);
        }
    }
}
