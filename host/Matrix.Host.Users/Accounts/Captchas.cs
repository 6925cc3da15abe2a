using System.Net;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.Urls;

namespace Matrix.Host.Users.Accounts;

/// <summary>Checks captchas. v1.19 client-server-api#google-recaptcha</summary>
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
