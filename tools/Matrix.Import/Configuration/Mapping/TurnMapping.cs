using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>TURN servers.</summary>
internal static class TurnMapping
{
    internal static void Map(MappingContext to)
    {
        var (from, ours) = (to.From, to.Ours);
        var named = from.TextOrTexts("turn_uris");
        string[] uris = [.. named.Where(IsTurn)];
        if (uris.Length < named.Count)
        {
            to.Findings.List("turn_uris", "Addresses that begin neither with turn: nor with turns: are left out.");
        }

        if (uris.Length == 0) return;
        var secret = from.Secret("turn_shared_secret", "turn_shared_secret_path");
        var (user, password) = (from.AnyText("turn_username"), from.AnyText("turn_password"));
        if (secret is null && (user is null || password is null))
        {
            to.Findings.List("turn_uris", "They have neither a secret nor a user: Synapse names no servers either.");
            return;
        }

        ours.Set("turn.uris", uris);
        ours.Set("turn.shared_secret", secret);
        if (secret is null)
        {
            ours.Set("turn.username", user);
            ours.Set("turn.password", password);
        }

        ours.Set("turn.lifetime", from.Duration("turn_user_lifetime") ?? TimeSpan.FromHours(1));
        ours.Set("turn.guests", from.Flag("turn_allow_guests", true));
    }

    private static bool IsTurn(string uri) =>
        (uri.StartsWith("turn:", StringComparison.Ordinal) || uri.StartsWith("turns:", StringComparison.Ordinal))
        && !uri.Contains(',', StringComparison.Ordinal)
        && Uri.IsWellFormedUriString(uri, UriKind.Absolute);
}
