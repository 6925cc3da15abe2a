namespace Matrix.Host.Users.OAuth;

/// <summary>
/// The scope of a session: full access as one device. v1.19 client-server-api#scope; the older names are those of
/// MSC2967.
/// </summary>
/// <param name="DeviceId">The device.</param>
/// <param name="Text">The granted tokens, of those that were requested.</param>
public sealed record OAuthScope(string DeviceId, string Text)
{
    private const string Stable = "urn:matrix:client:";
    private const string Unstable = "urn:matrix:org.matrix.msc2967.client:";
    private const string Api = "api:*";
    private const string Device = "device:";
    private const int LongestDeviceId = 255;

    /// <summary>
    /// The scope that is granted for a requested one, or why none is. Unknown tokens, such as `openid`, are left out.
    /// </summary>
    public static OAuthResult<OAuthScope> Read(string? requested)
    {
        var granted = new List<string>();
        var devices = new HashSet<string>(StringComparer.Ordinal);
        var hasApi = false;
        foreach (var token in (requested ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct())
        {
            var rest = token.StartsWith(Stable, StringComparison.Ordinal) ? token[Stable.Length..]
                : token.StartsWith(Unstable, StringComparison.Ordinal) ? token[Unstable.Length..]
                : "";
            if (rest == Api) hasApi = true;
            else if (rest.StartsWith(Device, StringComparison.Ordinal)) devices.Add(rest[Device.Length..]);
            else continue;
            granted.Add(token);
        }

        if (!hasApi) return Refused("The scope must have urn:matrix:client:api:*.");
        if (devices.Count != 1) return Refused("The scope must name one device.");
        var device = devices.Single();
        return device.Length is > 0 and <= LongestDeviceId && device.All(IsAllowed)
            ? new OAuthScope(device, string.Join(' ', granted))
            : Refused("The device id is empty, too long, or has characters that no scope has.");
    }

    private static bool IsAllowed(char c) => c is '!' or (>= '#' and <= '[') or (>= ']' and <= '~');

    private static OAuthError Refused(string why) => new(OAuthError.InvalidScope, why);
}
