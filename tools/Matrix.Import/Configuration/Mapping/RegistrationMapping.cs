using System.Text.RegularExpressions;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Who may register, and what it needs.</summary>
internal static partial class RegistrationMapping
{
    private const string ThirdPartyIds = "registrations_require_3pid";
    private const string Addresses = "allowed_local_3pids";

    private static readonly string[] _yes = ["y", "yes", "t", "true", "on", "1"];

    internal static void Map(MappingContext to)
    {
        var (from, ours) = (to.From, to.Ours);
        ours.Set("registration.enabled", IsOpen(from));
        ours.Set("registration.requires_token", from.Flag("registration_requires_token"));
        ours.Set("registration.shared_secret", to.Config.RegistrationSecret);
        ours.Set("registration.guests", from.Flag("allow_guest_access"));
        if (from.Flag("request_token_inhibit_3pid_errors") is { } inhibited)
        {
            ours.Set("identifiers.tell_known", !inhibited);
        }

        Required(to);
        Allowed(to);
        Captcha(to);
    }

    /// <summary>A text is good for a flag there.</summary>
    private static bool IsOpen(SettingMap from)
    {
        var closed = from.AnyText("disable_registration");
        return closed is not null ? !Is(closed) : from.AnyText("enable_registration") is { } open && Is(open);
        static bool Is(string text) => _yes.Contains(text.ToLowerInvariant());
    }

    private static void Required(MappingContext to)
    {
        foreach (var medium in to.From.Texts(ThirdPartyIds))
        {
            if (medium == "email" && to.Ours.Has("email.smtp_host") && to.Ours.Has("public_base_url"))
            {
                to.Ours.Set("registration.requires_email", true);
            }
            else
            {
                to.Findings.Refuse(
                    $"{ThirdPartyIds}.{medium}",
                    medium == "msisdn"
                        ? "New users need no phone number: it needs a text_messages.gateway_url first."
                        : "New users need no mail address: it needs a mail server first.");
            }
        }
    }

    private static void Allowed(MappingContext to)
    {
        var globs = new List<string>();
        foreach (var entry in to.From.Maps(Addresses))
        {
            if (entry.Text("medium") == "email" && entry.Text("pattern") is { } pattern && Glob(pattern) is { } glob)
            {
                globs.Add(glob);
                continue;
            }

            to.Findings.Refuse(
                Addresses,
                "Accounts may have every address: a pattern is not of the form of all addresses of a domain. Set "
                    + "identifiers.allowed_addresses.");
            return;
        }

        to.Ours.Set("identifiers.allowed_addresses", globs);
    }

    /// <summary>All addresses of a domain, as `*@example.org`; null if a pattern is for others.</summary>
    internal static string? Glob(string pattern) =>
        Domain().Match(pattern) is { Success: true } match
            ? $"*@{(match.Groups["sub"].Success ? "*." : "")}"
                + match.Groups["domain"].Value.Replace("\\", "", StringComparison.Ordinal)
            : null;

    private static void Captcha(MappingContext to)
    {
        if (!to.From.Flag("enable_registration_captcha", false)) return;
        var publicKey = to.From.Secret("recaptcha_public_key", "recaptcha_public_key_path");
        var privateKey = to.From.Secret("recaptcha_private_key", "recaptcha_private_key_path");
        if (publicKey is null || privateKey is null)
        {
            to.Findings.Refuse("enable_registration_captcha", "Registration asks for no captcha: a key is missing.");
            return;
        }

        to.Ours.Set("captcha.public_key", publicKey);
        to.Ours.Set("captcha.private_key", privateKey);
        if (to.From.Text("recaptcha_siteverify_api") is not { Length: > 0 } api) return;
        to.Ours.Set("captcha.verify_url", api);
        to.Findings.List(
            "recaptcha_siteverify_api",
            "If it is another service than reCAPTCHA, set captcha.script_url and captcha.page_origins.");
    }

    [GeneratedRegex(
        @"^\^?(\[\^@\]|\.)[+*]@(?<sub>\.[*+]\\\.)?(?<domain>([a-zA-Z0-9-]+\\\.)+[a-zA-Z0-9-]+)\$?$")]
    private static partial Regex Domain();
}
