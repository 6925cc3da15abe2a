using System.Reflection;
using Matrix.Host.Parts;
using static Matrix.Host.Parts.SettingScope;

namespace Matrix.Host.Configuration;

/// <summary>
/// All settings: the options of <see cref="HomeserverConfig"/> that have a <see cref="SettingAttribute"/>. The
/// configuration file, the environment, the commented file of the first start, the error messages and the tables of
/// docs/settings.md all use this list. Every bound in the server has a setting.
/// </summary>
internal static class Settings
{
    /// <summary>
    /// The groups of settings in the order of the commented file, with their help texts. The scope is that of their
    /// settings; where it is <see cref="OfGroup"/>, each setting says its own.
    /// </summary>
    internal static IReadOnlyDictionary<string, (SettingScope Scope, string Meaning)> Sections { get; } =
        new OrderedDictionary<string, (SettingScope, string)>(StringComparer.Ordinal)
        {
            ["well_known"] = (Server, "What is served at /.well-known/matrix."),
            ["room_versions"] = (Server, "Versions of new rooms."),
            ["database"] = (Node, "The database of rooms and accounts."),
            ["cluster"] = (
                OfGroup,
                "Several machines on one PostgreSQL database: with cluster.listen all of them serve, otherwise one "
                    + "does and the others wait."),
            ["listeners"] = (Node, "Listeners: address:port each, \"\" for none."),
            ["tls"] = (
                Node,
                "Certificate and key of listeners.federation; without them it serves plain HTTP, for a proxy in front "
                    + "of it. listeners.client has no TLS: put a proxy in front of it."),
            ["federation"] = (Server, "Other servers: which ones, and the bounds on requests to them."),
            ["compatibility"] = (Server, "Old servers and old clients."),
            ["registration"] = (
                Server,
                "Registration of accounts. Closed by default, except for the first user's token, which the first start "
                    + "prints."),
            ["support"] = (
                Server,
                "Who helps users and answers questions, at /.well-known/matrix/support. Clients show it."),
            ["profiles"] = (Server, "Display names, avatars and other fields of users."),
            ["reports"] = (Server, "What users report to the operators (`mx reports`)."),
            ["sessions"] = (Server, "Logins and tokens."),
            ["passwords"] = (Server, "The cost of one password hash (Argon2id)."),
            ["oauth"] = (Server, "Sign-in by OAuth 2.0, on pages of this server."),
            ["sso"] = (Server, "Sign-in at identity providers, by OpenID Connect."),
            ["terms"] = (Server, "What new users accept."),
            ["captcha"] = (Server, "Captchas at registration."),
            ["turn"] = (Server, "TURN servers, through which calls pass firewalls."),
            ["rendezvous"] = (
                Server,
                "Sessions in which two devices meet for a sign-in by QR code (MSC4108, MSC4388)."),
            ["matrix_rtc"] = (
                Server,
                "Transports of calls between several users (MSC4143), such as those of Element Call."),
            ["server_notices"] = (
                Server,
                "Messages of the operator to users (`mx notice send`), in a room of its own for each user."),
            ["admin"] = (Server, "The administration API, and the record of what administrators do (`mx audit`)."),
            ["jobs"] = (
                Server,
                "Work that goes on in the background: deletions of rooms, purges of history (`mx job`)."),
            ["retention"] = (Server, "How long messages, and rooms without local members, are kept."),
            ["policy_lists"] = (
                Server,
                "Rooms with rules about users, rooms and servers to refuse: the server follows them."),
            ["limits"] = (Server, "Limits on requests, users and rooms."),
            ["rate_limits"] = (
                Server,
                "Request rates of a user or another server, or of an address without one: requests a second in the "
                    + "long run, and the burst allowed after a pause."),
            ["push"] = (Server, "Notifications that are pushed to users' devices."),
            ["email"] = (
                Server,
                "Mail: about notifications, and to confirm addresses. It needs email.smtp_host, email.from and "
                    + "public_base_url."),
            ["identifiers"] = (
                Server,
                "Mail addresses and phone numbers of accounts. Users confirm them by a link or a code."),
            ["text_messages"] = (Server, "Text messages (SMS) with codes that confirm phone numbers."),
            ["identity_servers"] = (Server, "Identity servers, which know users by their addresses."),
            ["media"] = (Server, "Uploaded files, and copies of other servers'."),
            ["presence"] = (Server, "Who is online."),
            ["search"] = (Server, "Searches for messages."),
            ["user_directory"] = (Server, "Searches for users."),
            ["app_services"] = (
                Server,
                "Application services, such as bridges: their registrations, and the bounds on requests to them."),
            ["sync"] = (Server, "Sync and long-polls."),
            ["cache"] = (Node, "Caches in memory."),
            ["log"] = (Node, "Log lines on standard output."),
        };

    /// <summary>Renamed settings by their old names. The server refuses an old name and names the new one.</summary>
    internal static IReadOnlyDictionary<string, string> Renamed { get; } = new Dictionary<string, string>(
        StringComparer.Ordinal)
    {
        ["database.flush_sets"] = "database.flush_batches",
        ["app_services"] = "app_services.files",
    };

    /// <summary>All settings in the order of the commented file.</summary>
    internal static IReadOnlyList<Setting> All { get; } = Read();

    private static List<Setting> Read()
    {
        var sections = Sections.Keys.Select((name, at) => (name, at))
            .ToDictionary(each => each.name, each => each.at, StringComparer.Ordinal);
        return [.. Of(typeof(HomeserverConfig), []).OrderBy(setting =>
            setting.Section.Length == 0 ? -1 : sections[setting.Section])];
    }

    /// <summary>The settings of a part of the configuration, in the order in which its options are declared.</summary>
    private static IEnumerable<Setting> Of(Type part, PropertyInfo[] path)
    {
        const BindingFlags options =
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (var property in part.GetProperties(options).OrderBy(static each => each.MetadataToken))
        {
            PropertyInfo[] option = [.. path, property];
            if (property.GetCustomAttribute<SettingAttribute>() is { } setting)
            {
                yield return new Setting(setting, option);
            }
            else if (property.GetCustomAttribute<RateSettingAttribute>() is { } rate)
            {
                foreach (var half in Halves(rate, option)) yield return half;
            }
            else if (property.PropertyType is { IsClass: true, Namespace: { } name }
                && name.StartsWith("Matrix.Host", StringComparison.Ordinal))
            {
                foreach (var inner in Of(property.PropertyType, option)) yield return inner;
            }
        }
    }

    private static IEnumerable<Setting> Halves(RateSettingAttribute rate, PropertyInfo[] option)
    {
        var type = option[^1].PropertyType;
        yield return new Setting(
            new SettingAttribute(rate.Name + "_per_second", rate.Meaning),
            [.. option, type.GetProperty(nameof(Api.Http.Rate.PerSecond))!]);
        yield return new Setting(
            new SettingAttribute(rate.Name + "_burst", "The burst of the same."),
            [.. option, type.GetProperty(nameof(Api.Http.Rate.Burst))!]);
    }
}
