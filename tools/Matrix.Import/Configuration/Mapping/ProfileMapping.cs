namespace Matrix.Import.Configuration.Mapping;

/// <summary>Who may look profiles up, and which identity servers are asked.</summary>
internal static class ProfileMapping
{
    internal static void Map(MappingContext to)
    {
        var from = to.From;
        if (from.Flag("limit_profile_requests_to_users_who_share_rooms", false))
        {
            to.Ours.Set("profiles.shown_to", "shared_rooms");
        }
        else if (from.Flag("require_auth_for_profile_requests", false))
        {
            to.Ours.Set("profiles.shown_to", "users");
        }

        // Synapse asks every identity server that a user names.
        if (from.Flag("enable_3pid_lookup", true)) to.Ours.Set("identity_servers.allowed", ["*"]);
        to.Ours.Set("federation.send_device_names", from.Flag("allow_device_name_lookup_over_federation", false));
    }
}
