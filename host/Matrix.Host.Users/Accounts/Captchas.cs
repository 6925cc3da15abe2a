using System.Net;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.Urls;

namespace Matrix.Host.Users.Accounts;

/// <summary>The service of captchas. Configuration: `captcha`.</summary>
public sealed record CaptchaOptions
{
    /// <summary>The key for pages; empty for no captchas.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>The key for checks.</summary>
    public string PrivateKey { get; init; } = "";

    /// <summary>Where responses are checked.</summary>
    public string VerifyUrl { get; init; } = "https://www.google.com/recaptcha/api/siteverify";

    /// <summary>The script of this server's pages.</summary>
    public string ScriptUrl { get; init; } = "https://www.google.com/recaptcha/api.js";

    /// <summary>The origins that scripts and frames of pages come from.</summary>
    public IReadOnlyList<string> PageOrigins { get; init; } =
        ["https://www.google.com", "https://www.gstatic.com"];

    /// <summary>Private networks in which the service may be.</summary>
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    /// <summary>The time of a check.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most bytes of the service's response.</summary>
    public int ResponseBytes { get; init; } = 16 << 10;

    /// <summary>Whether registration asks for a captcha.</summary>
    public bool IsOn => PublicKey.Length > 0 && PrivateKey.Length > 0;
}

/// <summary>Checks captchas. Client-Server API, "Google ReCaptcha".</summary>
public sealed class Captchas(UrlSender http, CaptchaOptions options) : IDisposable
{
    private const int Longest = 8192;

    /// <summary>Whether a captcha was solved; null if that cannot be found out.</summary>
    /// <param name="response">What the captcha gave.</param>
    /// <param name="address">The address of the browser.</param>
    public async ValueTask<bool?> CheckAsync(string response, string address, CancellationToken stop)
    {
        if (response.Length is 0 or > Longest) return false;
        var form = $"secret={Uri.EscapeDataString(options.PrivateKey)}&response={Uri.EscapeDataString(response)}"
            + $"&remoteip={Uri.EscapeDataString(address)}";
        var outcome = await http.SendAsync(
            new UrlCall(new Uri(options.VerifyUrl), "POST")
            {
                MayBePlain = true,
                Body = Encoding.UTF8.GetBytes(form),
                ContentType = "application/x-www-form-urlencoded",
                MaxBytes = options.ResponseBytes,
                Time = options.RequestTime,
            },
            stop);
        if (outcome.Reply is not { Status: 200 } reply
            || !JsonText.TryParseObject(reply.Body, Reading.Client, JsonText.ClientBodyLimits, out var json, out _))
        {
            return null;
        }

        return json.IndexOf("success") is >= 0 and var at && json.Value(at) is Json.Bool { Item: true };
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();
}
