using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Users.Accounts;

/// <summary>The service of captchas. Configuration: `captcha`.</summary>
public sealed record CaptchaOptions
{
    [Setting(
        "captcha.public_key",
        "The site key of reCAPTCHA v2, or of a service like it. With it and the private key, registration asks "
            + "for a captcha; \"\" turns it off.")]
    public string PublicKey { get; init; } = "";

    [Setting("captcha.private_key", "The secret key.", IsSecret = true)]
    public string PrivateKey { get; init; } = "";

    [Setting("captcha.verify_url", "Where captchas are checked.", Form = SettingForm.HttpUrl)]
    public string VerifyUrl { get; init; } = "https://www.google.com/recaptcha/api/siteverify";

    [Setting(
        "captcha.script_url",
        "The script that shows captchas on this server's pages.",
        Form = SettingForm.HttpUrl)]
    public string ScriptUrl { get; init; } = "https://www.google.com/recaptcha/api.js";

    [Setting(
        "captcha.page_origins",
        "The origins that this script and its frames come from.",
        Form = SettingForm.Origins)]
    public IReadOnlyList<string> PageOrigins { get; init; } =
        ["https://www.google.com", "https://www.gstatic.com"];

    [Setting("captcha.allow_networks", "Networks in which captcha.verify_url may be although they are private.")]
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    [Setting("captcha.request_time", "The time of a check.", Form = SettingForm.Timer)]
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "captcha.response_bytes",
        "Bytes of its response.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 1 << 20)]
    public int ResponseBytes { get; init; } = 16 << 10;

    /// <summary>Whether registration asks for a captcha.</summary>
    public bool IsOn => PublicKey.Length > 0 && PrivateKey.Length > 0;
}
