using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Rates that are set, where this server counts the like.</summary>
internal static class RateMapping
{
    internal static void Map(MappingContext to)
    {
        var logins = to.From.Map("rc_login");
        Rate(to, to.From, "rc_message", "send");
        Rate(to, to.From, "rc_registration", "registration");
        Rate(to, logins, "address", "login");
        Rate(to, logins, "account", "known_login");
        Rate(to, logins, "failed_attempts", "password");
        Rate(to, to.From, "rc_reports", "reports");
        Rate(to, to.From, "rc_user_directory", "directories");
    }

    private static void Rate(MappingContext to, SettingMap from, string name, string target)
    {
        var rate = from.Map(name);
        Half(to, rate, "per_second", $"rate_limits.{target}_per_second");
        Half(to, rate, "burst_count", $"rate_limits.{target}_burst");
    }

    private static void Half(MappingContext to, SettingMap rate, string name, string target)
    {
        if (rate.Number(name) is { } value && !to.Ours.SetRate(target, value))
        {
            to.Findings.List(rate.PathOf(name), $"{target} must be above 0 and keeps its default.");
        }
    }
}
