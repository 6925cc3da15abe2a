using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>How bodies with keys are read and checked.</summary>
internal static class KeyBodies
{
    /// <summary>`device_keys` of a query: users, each with the wanted devices; none means all.</summary>
    internal static Dictionary<string, IReadOnlySet<string>> WantedDevices(BodyReader body)
    {
        var users = body.RequiredInner("device_keys");
        var wanted = new Dictionary<string, IReadOnlySet<string>>(users.Whole.Count, StringComparer.Ordinal);
        foreach (var user in users.Names())
        {
            CheckUserId(users, user);
            wanted[user] = users.RequiredTexts(user).ToHashSet(StringComparer.Ordinal);
        }

        return wanted;
    }

    /// <summary>`one_time_keys` of a claim: users and devices, each device with an algorithm.</summary>
    internal static List<KeyClaim> WantedKeys(BodyReader body)
    {
        var wanted = new List<KeyClaim>();
        var users = body.RequiredInner("one_time_keys");
        foreach (var (user, devices) in users.Members())
        {
            CheckUserId(users, user);
            foreach (var device in devices.Names())
            {
                wanted.Add(new KeyClaim(user, device, devices.RequiredText(device)));
            }
        }

        return wanted;
    }

    /// <summary>`timeout`: how long to wait for other servers; null if it is missing.</summary>
    internal static TimeSpan? Timeout(BodyReader body) =>
        body.Number("timeout") is { } ms ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, int.MaxValue)) : null;

    /// <summary>All members must be strings.</summary>
    internal static void CheckTexts(BodyReader json)
    {
        foreach (var name in json.Names()) json.Text(name);
    }

    /// <summary>Checks signatures, by user and key id.</summary>
    internal static void CheckSignatures(BodyReader signatures)
    {
        foreach (var (_, ofUser) in signatures.Members()) CheckTexts(ofUser);
    }

    private static void CheckUserId(BodyReader users, string user)
    {
        if (!UserId.isValid(user))
        {
            users.Refuse(MatrixError.InvalidParam, $"`{users.PathOf(user)}` is not a user id.");
        }
    }
}
