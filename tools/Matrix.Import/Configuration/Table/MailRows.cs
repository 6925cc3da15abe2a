using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Mail.</summary>
internal static class MailRows
{
    private const string Texts = "Mails have this server's own texts.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Group("email"),
        Carried("email.smtp_host", "email.smtp_host"),
        Carried("email.smtp_port", "email.smtp_port"),
        Carried("email.smtp_user", "email.smtp_user"),
        Carried("email.smtp_pass", "email.smtp_password"),
        Carried("email.force_tls", "email.smtp_tls"),
        Carried("email.require_transport_security", "email.smtp_tls"),
        Carried("email.enable_tls", "email.smtp_tls"),
        Listed("email.tlsname", "The mail server's certificate must be for email.smtp_host."),
        Carried("email.notif_from", "email.from"),
        Carried("email.app_name", "email.from"),
        Listed("email.enable_notifs", "Users who ask for mail about their messages get it.", "true"),
        Costless("email.notif_for_new_users", "Users ask for mail themselves."),
        Carried("email.notif_delay_before_mail", "email.delay"),
        Listed("email.client_base_url", "Links in mails lead to matrix.to.", "[]"),
        Listed("email.riot_base_url", "Links in mails lead to matrix.to.", "[]"),
        Carried("email.validation_token_lifetime", "identifiers.session_lifetime"),
        Listed("email.invite_client_location", "Mails of invites lead to no client of one's own.", "[]"),
        Costless("email.subjects", Texts),
        Costless("email.redact_content", "Synapse does not read it any more."),
        Listed("email.template_dir", Texts),
        .. Templates.Select(static name => Costless($"email.{name}", Texts)),
    ];

    private static string[] Templates =>
    [
        "notif_template_html", "notif_template_text", "expiry_template_html", "expiry_template_text",
        "password_reset_template_html", "password_reset_template_text", "password_reset_template_success_html",
        "password_reset_template_failure_html", "registration_template_html", "registration_template_text",
        "registration_template_success_html", "registration_template_failure_html", "add_threepid_template_html",
        "add_threepid_template_text", "add_threepid_template_success_html", "add_threepid_template_failure_html",
        "already_in_use_template_html", "already_in_use_template_text",
    ];
}
