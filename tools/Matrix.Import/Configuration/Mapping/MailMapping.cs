using System.Net;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Mail.</summary>
internal static class MailMapping
{
    internal static void Map(MappingContext to)
    {
        var mail = to.From.Map("email");
        if (mail.Members.Count == 0) return;
        var ours = to.Ours;
        var host = mail.Text("smtp_host") ?? "localhost";
        var isImplicit = mail.Flag("force_tls", false);
        var encryption = isImplicit ? "implicit"
            : mail.Flag("require_transport_security", false) ? "starttls"
            : !mail.Flag("enable_tls", true) || IsHere(host) ? "none"
            : "starttls";
        ours.Set("email.smtp_host", host);
        ours.Set("email.smtp_port", mail.Whole("smtp_port") ?? (isImplicit ? 465 : 25), 1, 65535);
        ours.Set("email.smtp_tls", encryption);
        if (encryption == "starttls" && !mail.Flag("require_transport_security", false))
        {
            to.Findings.List(
                "email.require_transport_security",
                "The connection to the mail server must change to TLS now; for one that cannot: email.smtp_tls: none.");
        }

        if (mail.AnyText("smtp_user") is { Length: > 0 } user)
        {
            if (encryption == "none" && !IsHere(host))
            {
                to.Findings.Refuse("email.smtp_user", "No password is sent to a mail server without encryption.");
            }
            else
            {
                ours.Set("email.smtp_user", user);
                ours.Set("email.smtp_password", mail.AnyText("smtp_pass"));
            }
        }

        var name = mail.Text("app_name") ?? "Matrix";
        ours.Set("email.from", mail.Text("notif_from")?.Replace("%(app)s", name, StringComparison.Ordinal));
        ours.Set("email.delay", mail.Duration("notif_delay_before_mail"));
        ours.Set("identifiers.session_lifetime", mail.Duration("validation_token_lifetime"));
        Links(to);
    }

    private static void Links(MappingContext to)
    {
        var hosts = to.From.Texts("next_link_domain_whitelist");
        to.Ours.Set("identifiers.next_link_hosts", hosts);
        if (to.From.Has("next_link_domain_whitelist")) return;
        to.Findings.List(
            "next_link_domain_whitelist",
            "Without it Synapse sends browsers to every page after an address was confirmed, and this server to none: "
                + "name web clients in identifiers.next_link_hosts.");
    }

    private static bool IsHere(string host) =>
        host is "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
