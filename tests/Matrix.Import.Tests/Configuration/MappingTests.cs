using System.Net;
using Matrix.Host.Users.Presence;
using Matrix.Import.Configuration.Mapping;

namespace Matrix.Import.Tests.Configuration;

[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class MappingTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private async Task<string> SettingAsync(string lines, string name) =>
        (await _folder.MapAsync(lines)).Config.Settings.GetValueOrDefault(name, "none");

    /// <summary>What `--generate-config` writes.</summary>
    [Test]
    public async Task A_generated_configuration_is_carried()
    {
        _folder.Write("homeserver.yaml", """
            # Configuration file for Synapse.
            server_name: "example.org"
            pid_file: /data/homeserver.pid
            listeners:
              - port: 8008
                resources:
                - compress: false
                  names:
                  - client
                  - federation
                tls: false
                type: http
                x_forwarded: true
                bind_addresses: ['::1', '127.0.0.1']
            database:
              name: sqlite3
              args:
                database: /data/homeserver.db
            log_config: "/data/example.org.log.config"
            media_store_path: /data/media_store
            registration_shared_secret: "r;e+g"
            report_stats: false
            macaroon_secret_key: "m.a;c"
            form_secret: "f@o#rm"
            signing_key_path: "/data/example.org.signing.key"
            trusted_key_servers:
              - server_name: "matrix.org"

            # vim:ft=yaml
            """);

        var loaded = (await _folder.LoadAsync("homeserver.yaml")).Config!;
        var mapped = SettingsMapping.Map(loaded, new MappingOptions { DatabaseUrl = "postgres://u@h/new" });
        var config = await _folder.LoadWrittenAsync(mapped.Config);

        Assert.That(mapped.Unaccepted([]), Is.Empty);
        Assert.That(mapped.Findings, Has.None.Property("Kind").EqualTo(FindingKind.Unknown));
        Assert.That(config.ClientListener, Is.EqualTo(IPEndPoint.Parse("127.0.0.1:8008")));
        Assert.That(config.FederationOnClient && config.Http.TrustForwardedFor, Is.True);
        Assert.That(config.FederationListener, Is.Null);
        Assert.That(config.Storage.Url, Is.EqualTo("postgres://u@h/new"));
        Assert.That(config.Network.Notaries, Is.EqualTo(new[] { "matrix.org" }));
        Assert.That(config.Client.RegistrationSharedSecret, Is.EqualTo("r;e+g"));
        Assert.That(config.Rooms.DefaultRoomVersion, Is.EqualTo("11"));
        Assert.That(config.Media.Previews, Is.False);
    }

    [Test]
    public async Task Debians_two_listeners_are_carried()
    {
        var (certificate, key) = Certificates.Make("example.org");
        _folder.Write("tls.crt", certificate);
        _folder.Write("tls.key", key);
        const string lines = """
            uploads_path: /var/lib/matrix-synapse/uploads
            tls_certificate_path: tls.crt
            tls_private_key_path: tls.key
            tls_dh_params_path: /etc/matrix-synapse/homeserver.tls.dh
            no_tls: false
            listeners:
              - {port: 8448, bind_addresses: ['::1', '127.0.0.1'], type: http, tls: true, x_forwarded: false,
                 resources: [{names: [client], compress: true}, {names: [federation], compress: false}]}
              - {port: 8008, tls: false, bind_addresses: ['::1', '127.0.0.1'], type: http, x_forwarded: false,
                 resources: [{names: [client], compress: true}, {names: [federation], compress: false}]}
            max_upload_size: "100M"
            turn_allow_guests: false
            thumbnail_sizes: [{width: 32, height: 32, method: crop}]

            """;

        var mapped = await _folder.MapAsync(lines);
        var config = await _folder.LoadWrittenAsync(mapped.Config);

        Assert.That(mapped.Findings, Has.None.Property("Kind").EqualTo(FindingKind.Unknown));
        Assert.That(mapped.Unaccepted([]), Is.Empty);
        Assert.That(config.ClientListener, Is.EqualTo(IPEndPoint.Parse("127.0.0.1:8008")));
        Assert.That(config.FederationListener, Is.EqualTo(IPEndPoint.Parse("127.0.0.1:8448")));
        Assert.That(config.Tls, Is.Not.Null);
        Assert.That(mapped.Findings, Has.Some.Property("Setting").EqualTo("listeners.8448"));
    }

    [TestCase("{port: 80, type: http, resources: [{names: [client]}]}", "\"[::]:80\"", "none")]
    [TestCase("{port: 80, type: http, bind_addresses: ['0.0.0.0', '::1'], resources: [{names: client}]}",
        "\"0.0.0.0:80\"", "none")]
    [TestCase("{port: 80, type: http, bind_address: localhost, resources: [{names: [client]}]}",
        "\"127.0.0.1:80\"", "none")]
    [TestCase("{port: 80, type: http, bind_addresses: ['192.0.2.1'], resources: [{names: [client, federation]}]}",
        "\"192.0.2.1:80\"", "none")]
    [TestCase("{port: 1, type: http, bind_address: '::1', resources: [{names: [federation]}]}", "none", "\"[::1]:1\"")]
    public async Task One_address_of_a_listener_is_chosen(string listener, string clients, string servers)
    {
        var lines = $"listeners: [{listener}]\n";

        Assert.That(await SettingAsync(lines, "listeners.client"), Is.EqualTo(clients));
        Assert.That(await SettingAsync(lines, "listeners.federation"), Is.EqualTo(servers));
    }

    [TestCase("{path: /run/s.sock, type: http, resources: [{names: [client]}]}", "listeners.path")]
    [TestCase("{port: 443, type: http, tls: true, resources: [{names: [client, federation]}]}", "listeners.443")]
    [TestCase("{port: 1, type: http, resources: [{names: [client]}]}, "
        + "{port: 2, type: http, resources: [{names: [client]}]}", "listeners.2")]
    [TestCase("{port: 0, type: http, resources: [{names: [client]}]}", "listeners.port")]
    [TestCase("{port: 1, type: http, additional_resources: {/x: {module: m}}}", "listeners.additional_resources")]
    [TestCase("{port: 443, type: http, tls: true, resources: [{names: [federation]}]}", "listeners.443.tls")]
    public async Task A_listener_without_a_counterpart_is_refused(string listeners, string expected) =>
        Assert.That(
            await _folder.NamesAsync(FindingKind.Refused, $"listeners: [{listeners}]\n"), Has.Some.EqualTo(expected));

    [Test]
    public async Task The_listeners_of_long_ago_are_carried()
    {
        const string lines = "bind_port: 8448\nbind_host: 192.0.2.1\nmetrics_port: 9100\nno_tls: true\n";

        Assert.That(await SettingAsync(lines, "listeners.client"), Is.EqualTo("\"192.0.2.1:8048\""));
        Assert.That(await SettingAsync(lines, "listeners.metrics"), Is.EqualTo("\"127.0.0.1:9100\""));
    }

    [Test]
    public async Task With_workers_the_one_port_serves_other_servers_too()
    {
        const string lines = """
            listeners: [{port: 1, type: http, resources: [{names: [client]}]}]
            instance_map: {main: {host: h, port: 1}, w: {host: h, port: 2}}

            """;

        Assert.That(await SettingAsync(lines, "listeners.federation_on_client"), Is.EqualTo("true"));
        Assert.That(await _folder.NamesAsync(FindingKind.Listed, lines), Has.Some.EqualTo("instance_map"));
    }

    [TestCase("ip_range_blacklist: []\n", "127.0.0.0/8", true)]
    [TestCase("ip_range_blacklist: []\n", "fc00::/7", true)]
    [TestCase("ip_range_blacklist: ['127.0.0.0/8']\n", "127.0.0.0/8", false)]
    [TestCase("ip_range_blacklist: ['0.0.0.0/0', '::/0']\n", "10.0.0.0/8", false)]
    [TestCase("ip_range_blacklist: ['10.0.0.0/9']\n", "10.128.0.0/9", true)]
    [TestCase("ip_range_blacklist: ['10.0.0.0/9']\n", "10.0.0.0/9", false)]
    [TestCase("ip_range_whitelist: [10.1.2.3, '192.168.1.77/24']\n", "10.1.2.3/32", true)]
    [TestCase("ip_range_whitelist: [10.1.2.3, '192.168.1.77/24']\n", "192.168.1.0/24", true)]
    [TestCase("", "10.0.0.0/8", false)]
    [TestCase("federation_ip_range_blacklist: []\n", "10.0.0.0/8", true)]
    public async Task Private_networks_that_Synapse_reaches_are_reached(string lines, string network, bool expected)
    {
        var config = await _folder.CarryAsync(lines);

        var isAllowed = config.Network.AllowNetworks.Contains(IPNetwork.Parse(network));
        Assert.That(isAllowed, Is.EqualTo(expected));
    }

    [TestCase("ip_range_blacklist: ['10.0.0.0/8', '8.8.8.0/24']\n", "ip_range_blacklist")]
    [TestCase("ip_range_blacklist: ['2606:4700::/32']\n", "ip_range_blacklist")]
    [TestCase("ip_range_blacklist: [nonsense]\n", "ip_range_blacklist")]
    [TestCase("url_preview_enabled: true\nurl_preview_ip_range_blacklist: [8.8.8.8]\n",
        "url_preview_ip_range_blacklist")]
    public async Task Public_networks_cannot_be_denied(string lines, string expected) =>
        Assert.That(await _folder.NamesAsync(FindingKind.Refused, lines), Is.EqualTo(new[] { expected }));

    [Test]
    public async Task Previews_do_not_reach_networks_that_are_open_for_other_servers()
    {
        const string lines = """
            url_preview_enabled: true
            url_preview_ip_range_blacklist: ['127.0.0.0/8', '10.0.0.0/8']
            ip_range_whitelist: ['10.0.0.0/8']

            """;

        Assert.That((await _folder.CarryAsync(lines)).Media.Previews, Is.False);
        Assert.That(await _folder.NamesAsync(FindingKind.Listed, lines), Has.Some.EqualTo("url_preview_enabled"));
    }

    [Test]
    public async Task An_empty_list_of_servers_is_nobody_here_too()
    {
        var none = await _folder.CarryAsync("federation_domain_whitelist: []\n");
        var all = await _folder.CarryAsync("federation_domain_whitelist:\n");

        Assert.That(none.Network.DenyServers, Is.EqualTo(new[] { "*" }));
        Assert.That(all.Network.DenyServers, Is.Empty);
        Assert.That(all.Network.AllowServers, Is.Empty);
    }

    [TestCase("block_non_admin_invites: true\n", "block_non_admin_invites")]
    [TestCase("hs_disabled: true\n", "hs_disabled")]
    [TestCase("http_proxy: http://proxy\n", "http_proxy")]
    [TestCase("encryption_enabled_by_default_for_room_type: all\n", "encryption_enabled_by_default_for_room_type")]
    [TestCase("alias_creation_rules: [{action: deny}]\n", "alias_creation_rules")]
    [TestCase("alias_creation_rules: []\n", "alias_creation_rules")]
    [TestCase("room_list_publication_rules: [{user_id: '@a:b', action: allow}]\n", "room_list_publication_rules")]
    [TestCase("federation_verify_certificates: false\n", "federation_verify_certificates")]
    [TestCase("federation_certificate_verification_whitelist: [a.b]\n",
        "federation_certificate_verification_whitelist")]
    [TestCase("allow_profile_lookup_over_federation: false\n", "allow_profile_lookup_over_federation")]
    [TestCase("push: {include_content: false}\n", "push.include_content")]
    [TestCase("prevent_media_downloads_from: [evil.org]\n", "prevent_media_downloads_from")]
    [TestCase("enable_set_displayname: false\n", "enable_set_displayname")]
    [TestCase("enable_set_avatar_url: no\n", "enable_set_avatar_url")]
    [TestCase("enable_3pid_changes: off\n", "enable_3pid_changes")]
    [TestCase("user_consent: {version: 1.0, template_dir: t, require_at_registration: true}\n",
        "user_consent.require_at_registration")]
    [TestCase("user_consent: {version: 1.0, template_dir: t, block_events_error: no}\n",
        "user_consent.block_events_error")]
    [TestCase("account_validity: {enabled: true, period: 6w}\n", "account_validity.enabled")]
    [TestCase("saml2_config: {sp_config: {}, enabled: true}\n", "saml2_config")]
    [TestCase("cas_config: {server_url: 'https://c'}\n", "cas_config")]
    [TestCase("jwt_config: {enabled: true, secret: s, algorithm: a}\n", "jwt_config")]
    [TestCase("modules: [{module: a.Module, config: {}}]\n", "modules.a.Module")]
    [TestCase("password_providers: [{module: ldap.Auth, config: {}}]\n", "password_providers.ldap.Auth")]
    [TestCase("media_storage_providers: [{module: own.Store, config: {}}]\n", "media_storage_providers.own.Store")]
    [TestCase("default_room_version: org.example.new\n", "default_room_version")]
    [TestCase("registrations_require_3pid: [msisdn]\n", "registrations_require_3pid.msisdn")]
    [TestCase("registrations_require_3pid: [email]\n", "registrations_require_3pid.email")]
    [TestCase("allowed_local_3pids: [{medium: email, pattern: '.*(a|b).*'}]\n", "allowed_local_3pids")]
    [TestCase("allowed_local_3pids: [{medium: msisdn, pattern: '\\+44'}]\n", "allowed_local_3pids")]
    [TestCase("enable_registration_captcha: true\n", "enable_registration_captcha")]
    [TestCase("url_preview_enabled: true\nurl_preview_url_blacklist: [{username: '*'}]\n", "url_preview_url_blacklist")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c, enable_tls: false, smtp_user: u}\n", "email.smtp_user")]
    [TestCase("experimental_features: {msc3866: {enabled: true, require_approval_for_new_accounts: true}}\n",
        "experimental_features.msc3866.require_approval_for_new_accounts")]
    [TestCase("rc_message: {per_second: fast}\n", "rc_message.per_second")]
    [TestCase("max_upload_size: much\n", "max_upload_size")]
    [TestCase("server_notices: {system_mxid_localpart: 'Server Notices'}\n", "server_notices.system_mxid_localpart")]
    public async Task What_would_be_lost_is_refused_until_its_name_is_accepted(string lines, string expected)
    {
        var mapped = await _folder.MapAsync(lines);
        _ = await _folder.LoadWrittenAsync(mapped.Config);

        Assert.That(mapped.Unaccepted([]).Select(finding => finding.Setting), Is.EqualTo(new[] { expected }));
        Assert.That(mapped.Unaccepted([expected]), Is.Empty);
        Assert.That(mapped.Unaccepted([expected.Split('.')[0]]), Is.Empty);
        Assert.That(mapped.Needless([expected, "else"]), Is.EqualTo(new[] { "else" }));
        Assert.That(mapped.Findings[0].Kind, Is.EqualTo(FindingKind.Refused));
    }

    [TestCase("auto_join_rooms: ['#a:b']\n", "auto_join_rooms")]
    [TestCase("limit_usage_by_mau: true\n", "limit_usage_by_mau")]
    [TestCase("session_lifetime: 24h\n", "session_lifetime")]
    [TestCase("refreshable_access_token_lifetime: null\n", "refreshable_access_token_lifetime")]
    [TestCase("password_config: {enabled: false}\n", "password_config.enabled")]
    [TestCase("password_config: {enabled: only_for_reauth}\n", "password_config.enabled")]
    [TestCase("password_config: {policy: {enabled: true, require_digit: true}}\n",
        "password_config.policy.require_digit")]
    [TestCase("matrix_authentication_service: {enabled: true, secret: x}\n", "matrix_authentication_service")]
    [TestCase("log_config: /x\n", "log_config")]
    [TestCase("enable_search: false\n", "enable_search")]
    [TestCase("", "allow_public_rooms_without_auth")]
    [TestCase("", "room_list_publication_rules")]
    [TestCase("", "login_via_existing_session.enabled")]
    [TestCase("email: {notif_from: a@b.c}\n", "email.enable_notifs")]
    [TestCase("email: {notif_from: a@b.c}\n", "next_link_domain_whitelist")]
    [TestCase("email: {notif_from: a@b.c}\n", "public_baseurl")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c}\n", "email.require_transport_security")]
    [TestCase("turn_uris: ['stun:x']\n", "turn_uris")]
    [TestCase("presence: {enabled: untracked}\n", "presence.enabled")]
    [TestCase("rc_message: {per_second: 0}\n", "rc_message.per_second")]
    [TestCase("federation_client_minimum_tls_version: 1.3\n", "federation_client_minimum_tls_version")]
    [TestCase("experimental_features: {msc3720_enabled: true}\n", "experimental_features.msc3720_enabled")]
    public async Task What_is_different_is_listed(string lines, string expected)
    {
        var mapped = await _folder.MapAsync(lines);
        _ = await _folder.LoadWrittenAsync(mapped.Config);

        Assert.That(mapped.Findings, Has.Some.Matches<Finding>(
            finding => finding.Kind == FindingKind.Listed && finding.Setting == expected));
        Assert.That(mapped.Unaccepted([]), Is.Empty);
    }

    [TestCase("block_non_admin_invites: false\n", "block_non_admin_invites")]
    [TestCase("enable_search: true\n", "enable_search")]
    [TestCase("auto_join_rooms: []\n", "auto_join_rooms")]
    [TestCase("http_proxy:\n", "http_proxy")]
    [TestCase("alias_creation_rules: [{user_id: '*', action: allow}]\n", "alias_creation_rules")]
    [TestCase("federation_client_minimum_tls_version: 1.2\n", "federation_client_minimum_tls_version")]
    [TestCase("modules: []\n", "modules")]
    public async Task A_value_that_makes_no_difference_is_not_mentioned(string lines, string name)
    {
        var mapped = await _folder.MapAsync(lines);

        Assert.That(mapped.Findings, Has.None.Matches<Finding>(
            finding => finding.Kind is FindingKind.Listed or FindingKind.Refused && finding.Setting == name));
    }

    [TestCase("no_such_setting: 1\n", "no_such_setting")]
    [TestCase("retention: {enabled: true, forever: 1}\n", "retention.forever")]
    [TestCase("oidc_providers: [{idp_id: a, issuer: 'https://i', client_id: c, colour: red}]\n",
        "oidc_providers.colour")]
    public async Task What_Synapse_does_not_know_is_unknown(string lines, string expected)
    {
        Assert.That(await _folder.NamesAsync(FindingKind.Unknown, lines), Is.EqualTo(new[] { expected }));
        Assert.That((await _folder.MapAsync(lines)).Unaccepted([]), Is.Empty);
    }

    [Test]
    public async Task A_costless_setting_is_named_with_a_sentence()
    {
        var mapped = await _folder.MapAsync("caches: {global_factor: 2.0}\nredis: {enabled: true}\n");

        var costless = mapped.Findings.Where(finding => finding.Kind == FindingKind.Costless).ToList();
        Assert.That(
            costless.Select(finding => finding.Setting), Is.EquivalentTo(new[] { "report_stats", "caches", "redis" }));
        Assert.That(costless.Select(finding => finding.Sentence), Is.All.EndsWith("."));
    }

    [Test]
    public async Task People_who_are_not_known_by_sub_are_refused_by_the_providers_id()
    {
        const string lines = """
            public_baseurl: https://m.example.org
            oidc_providers:
              - {idp_id: a, idp_name: A, issuer: "https://i", client_id: c,
                 user_mapping_provider: {config: {
                   subject_claim: email, localpart_template: "{{ user.email.split('@')[0] }}"}}}

            """;

        var mapped = await _folder.MapAsync(lines);
        var config = await _folder.LoadWrittenAsync(mapped.Config);

        Assert.That(mapped.Unaccepted([]).Single().Setting, Is.EqualTo("oidc_providers.oidc-a"));
        Assert.That(mapped.Findings, Has.Some.Property("Sentence").Contains(
            "https://m.example.org/_matrix/oauth2/sso/callback/oidc-a"));
        Assert.That(config.Users.Sso.Providers.Single().Localpart.Text, Is.Empty);
    }

    [TestCase("http://id.example.org", "oidc_providers.oidc-a")]
    [TestCase("https://id.example.org?x", "oidc_providers.oidc-a")]
    public async Task A_provider_without_https_is_refused(string issuer, string expected)
    {
        var lines = $"oidc_providers: [{{idp_id: a, issuer: '{issuer}', client_id: c}}]\n";

        var mapped = await _folder.MapAsync(lines);

        Assert.That(mapped.Unaccepted([]).Single().Setting, Is.EqualTo(expected));
        Assert.That((await _folder.LoadWrittenAsync(mapped.Config)).Users.Sso.Providers, Is.Empty);
    }

    [Test]
    public async Task A_provider_at_a_private_address_can_be_reached()
    {
        var config = await _folder.CarryAsync(
            "oidc_providers: [{idp_id: a, idp_name: A, issuer: 'https://10.1.2.3:8443/r', client_id: c}]\n");

        Assert.That(config.Users.Sso.AllowNetworks, Is.EqualTo(new[] { IPNetwork.Parse("10.1.2.3/32") }));
        Assert.That(config.Client.PublicBaseUrl, Is.EqualTo("https://example.org"));
    }

    [TestCase("email: {notif_from: a@b.c}\n", "localhost", 25, "None")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c}\n", "m.b.c", 25, "StartTls")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c, smtp_port: 587, require_transport_security: true}\n",
        "m.b.c", 587, "StartTls")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c, enable_tls: false}\n", "m.b.c", 25, "None")]
    [TestCase("email: {notif_from: a@b.c, smtp_host: m.b.c, force_tls: true}\n", "m.b.c", 465, "Implicit")]
    public async Task Mail_is_sent_as_Synapse_sends_it(string lines, string host, int port, string encryption)
    {
        var mail = (await _folder.CarryAsync(lines)).Mail;

        Assert.That(mail.Host, Is.EqualTo(host));
        Assert.That(mail.Port, Is.EqualTo(port));
        Assert.That(mail.Tls.ToString(), Is.EqualTo(encryption).IgnoreCase);
        Assert.That(mail.IsConfigured, Is.True);
    }

    [TestCase("turn_username: u\nturn_password: 123\n", "u", "123")]
    [TestCase("turn_shared_secret: s\nturn_username: u\nturn_password: p\n", "", "")]
    public async Task TURN_servers_have_a_secret_or_a_user(string lines, string user, string password)
    {
        var turn = (await _folder.CarryAsync("turn_uris: ['turn:t.example.org']\n" + lines)).Users.Turn;

        Assert.That((turn.UserName, turn.Password), Is.EqualTo((user, password)));
        Assert.That(turn.Lifetime, Is.EqualTo(TimeSpan.FromHours(1)));
    }

    [TestCase("presence: {enabled: true}\n", PresenceMode.On)]
    [TestCase("presence: {enabled: false}\n", PresenceMode.Off)]
    [TestCase("use_presence: false\n", PresenceMode.Off)]
    [TestCase("presence: {enabled: untracked}\n", PresenceMode.Off)]
    public async Task Presence_is_on_or_off(string lines, PresenceMode expected) =>
        Assert.That((await _folder.CarryAsync(lines)).Presence.Mode, Is.EqualTo(expected));

    [TestCase("enable_registration: true\n", true)]
    [TestCase("enable_registration: \"yes\"\n", true)]
    [TestCase("enable_registration: 1\n", true)]
    [TestCase("disable_registration: \"False\"\n", true)]
    [TestCase("disable_registration: true\nenable_registration: true\n", false)]
    [TestCase("", false)]
    public async Task Registration_is_open_as_Synapses_is(string lines, bool expected) =>
        Assert.That(
            await SettingAsync(lines, "registration.enabled"), Is.EqualTo(expected ? "true" : "false"));

    [TestCase("serve_server_wellknown: true\n", "example.org", "\"example.org:443\"")]
    [TestCase("serve_server_wellknown: true\n", "example.org:8448", "\"example.org:8448\"")]
    [TestCase("serve_server_wellknown: true\n", "[2001:db8::1]", "\"[2001:db8::1]:443\"")]
    [TestCase("", "example.org", "none")]
    public async Task The_well_known_server_is_the_one_that_Synapse_names(string lines, string name, string expected) =>
        Assert.That(
            await SettingAsync($"server_name: '{name}'\n{lines}", "federation.well_known_server"),
            Is.EqualTo(expected));

    [TestCase(@"^[^@]+@example\.org$", "*@example.org")]
    [TestCase(@".*@a-b\.example\.org", "*@a-b.example.org")]
    [TestCase(@"^.*@.*\.example\.org$", "*@*.example.org")]
    [TestCase(@"^alice@example\.org$", null)]
    [TestCase(@"^[^@]+@example.org$", null)]
    [TestCase(@"^[^@]+@(a|b)\.org$", null)]
    public void Patterns_of_all_addresses_of_a_domain_are_understood(string pattern, string? expected) =>
        Assert.That(RegistrationMapping.Glob(pattern), Is.EqualTo(expected));
}
