using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
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

    /// <summary>Whether a device's keys name that user and device.</summary>
    internal static bool AreOf(JsonObject keys, string userId, string deviceId) =>
        TextOf(keys, "user_id") == userId && TextOf(keys, "device_id") == deviceId;

    /// <summary>The keys of a device: of `/keys/upload`, and of a dehydrated device.</summary>
    internal static KeyUpload Upload(BodyReader body)
    {
        var keys = body.Inner("device_keys");
        if (keys is not null) CheckDeviceKeys(keys);
        var fallback = ReadKeys(body, "fallback_keys");
        if (fallback.CountBy(key => key.Algorithm).Any(algorithm => algorithm.Value > 1))
        {
            body.Refuse(MatrixError.InvalidParam, "`fallback_keys` may have only one key of each algorithm.");
        }

        return new KeyUpload(keys?.Whole, ReadKeys(body, "one_time_keys"), fallback);
    }

    /// <summary>
    /// Checks the form only. Clients that trust the key verify the device's own signature, and ignore a device without
    /// a valid one.
    /// </summary>
    private static void CheckDeviceKeys(BodyReader keys)
    {
        keys.RequiredText("user_id");
        keys.RequiredText("device_id");
        keys.RequiredTexts("algorithms");
        CheckTexts(keys.RequiredInner("keys"));
        CheckSignatures(keys.RequiredInner("signatures"));
    }

    private static List<UploadedKey> ReadKeys(BodyReader body, string name)
    {
        if (body.Inner(name) is not { } given) return [];
        var keys = new List<UploadedKey>(given.Whole.Count);
        foreach (var (at, id) in given.Names().Index())
        {
            var value = given.Whole.Value(at);
            if (!Identifiers.TryKeyId(id, out var algorithm, out var identifier))
            {
                body.Refuse(MatrixError.BadJson, $"`{given.PathOf(id)}` must be named algorithm:id.");
                break;
            }

            if (value is not Json.String) CheckKeyObject(given.RequiredInner(id));
            keys.Add(new UploadedKey(algorithm, identifier, value));
        }

        return keys;
    }

    private static void CheckKeyObject(BodyReader key)
    {
        key.RequiredText("key");
        CheckSignatures(key.RequiredInner("signatures"));
    }

    private static string? TextOf(JsonObject json, string name) =>
        json.Value(json.IndexOf(name)) is Json.String text ? text.Item : null;

    private static void CheckUserId(BodyReader users, string user)
    {
        if (!UserId.IsValid(user))
        {
            users.Refuse(MatrixError.InvalidParam, $"`{users.PathOf(user)}` is not a user id.");
        }
    }
}
