namespace Matrix.Import.Tests.Configuration;

/// <summary>A configuration of Synapse's with all that is carried, and with secrets wherever it may.</summary>
internal static class FullConfiguration
{
    /// <summary>What every secret of it begins with.</summary>
    internal const string SecretMark = "hunter2";

    internal const string Text = """
        public_baseurl: https://matrix.example.org/
        serve_server_wellknown: true
        default_identity_server: https://id.example.org
        extra_well_known_client_content: {"im.vector.riot.e2ee": {default: true}, "org.example.n": [1, 2.5, null]}
        key_refresh_interval: 2d
        trusted_key_servers: [{server_name: notary.example.org}]
        macaroon_secret_key: hunter2-macaroon
        form_secret: hunter2-form
        listeners:
          - {port: 8008, type: http, tls: false, x_forwarded: true, bind_addresses: ['::1', '127.0.0.1'],
             resources: [{names: [client, federation], compress: false}]}
          - {port: 8448, type: http, tls: true, bind_addresses: ['0.0.0.0'], resources: [{names: [federation]}]}
          - {port: 9000, type: metrics, bind_addresses: [127.0.0.1]}
        tls_certificate_path: tls.crt
        tls_private_key_path: tls.key
        default_room_version: "10"
        allow_public_rooms_over_federation: true
        dummy_events_threshold: 15
        forgotten_room_retention_period: 28d
        retention:
          enabled: true
          default_policy: {min_lifetime: 1d, max_lifetime: 1y}
          allowed_lifetime_min: 2d
          allowed_lifetime_max: 2y
          purge_jobs: [{longest_max_lifetime: 3d, interval: 12h}, {shortest_max_lifetime: 3d, interval: 1d}]
        max_event_delay_duration: 12h
        experimental_features: {msc4140_max_delayed_events_per_user: 50}
        presence: {enabled: false, last_active_granularity: 2m, sync_online_timeout: 40s, idle_timeout: 6m}
        require_auth_for_profile_requests: true
        filter_timeline_limit: 150
        user_directory: {search_all_users: true}
        push: {group_unread_count_by_room: false}
        push_rules: {limits: {rule_count: 5000}}
        server_notices: {system_mxid_localpart: notices, system_mxid_display_name: Notes, room_name: News}
        matrix_rtc: {transports: [{type: livekit, livekit_service_url: "https://livekit.example.org"}]}
        federation_domain_whitelist: [other.example.org, more.example.org]
        federation_custom_ca_list: [ca.pem]
        ip_range_whitelist: [10.1.0.0/16]
        allow_device_name_lookup_over_federation: true
        federation: {client_timeout: 90s}
        max_upload_size: 100M
        max_pending_media_uploads: 7
        unused_expiration_time: 12h
        max_image_pixels: 64M
        media_retention: {local_media_lifetime: 90d, remote_media_lifetime: 14d}
        enable_authenticated_media: false
        url_preview_enabled: true
        url_preview_ip_range_blacklist: [127.0.0.0/8, 10.0.0.0/8]
        url_preview_url_blacklist: [{netloc: "*.internal.example.org"}]
        url_preview_accept_language: [de, "en;q=0.5"]
        max_spider_size: 5M
        rc_message: {per_second: 0.5, burst_count: 11}
        rc_registration: {per_second: 0.17, burst_count: 3}
        rc_login:
          address: {per_second: 0.003, burst_count: 5}
          account: {per_second: 0.004, burst_count: 6}
          failed_attempts: {per_second: 0.005, burst_count: 7}
        rc_reports: {per_second: 1, burst_count: 8}
        rc_user_directory: {per_second: 0.016, burst_count: 200}
        enable_registration: true
        registrations_require_3pid: [email]
        allowed_local_3pids: [{medium: email, pattern: '^[^@]+@example\.org$'}]
        registration_requires_token: true
        registration_shared_secret: "hunter2-\"registration\"\\ü"
        allow_guest_access: true
        refreshable_access_token_lifetime: 30m
        login_via_existing_session: {enabled: true, token_timeout: 3m}
        password_config: {pepper: hunter2-pepper, policy: {enabled: true, minimum_length: 15}}
        request_token_inhibit_3pid_errors: false
        next_link_domain_whitelist: [chat.example.org]
        app_service_config_files: [irc/registration.yaml, slack/registration.yaml]
        use_appservice_legacy_authorization: true
        enable_registration_captcha: true
        recaptcha_public_key: site-key
        recaptcha_private_key_path: captcha.secret
        recaptcha_siteverify_api: https://captcha.example.org/verify
        turn_uris: ["turn:turn.example.org?transport=udp", "turns:turn.example.org"]
        turn_shared_secret: hunter2-turn
        turn_user_lifetime: 2h
        turn_allow_guests: false
        email:
          smtp_host: mail.example.org
          smtp_port: 465
          smtp_user: chat
          smtp_pass: hunter2-mail
          force_tls: true
          notif_from: "Your %(app)s server <noreply@example.org>"
          app_name: Example
          enable_notifs: true
          notif_delay_before_mail: 20m
          validation_token_lifetime: 15m
        oidc_providers:
          - idp_id: corp
            idp_name: Example Corp
            idp_icon: mxc://example.org/icon
            idp_brand: corp
            issuer: https://id.example.org/
            client_id: matrix
            client_secret_path: oidc.secret
            scopes: [profile, email]
            allow_existing_users: true
            enable_registration: false
            user_mapping_provider:
              config:
                localpart_template: "{{ user.preferred_username | lower }}"
                display_name_template: "{{ user.given_name }} {{ user['family_name'] }}"
        sso: {client_whitelist: ["https://chat.example.org/"]}

        """;

    /// <summary>A registration with its tokens.</summary>
    internal static string Registration(string id) => $$"""
        id: {{id}}
        url: http://127.0.0.1:9999
        as_token: hunter2-as-{{id}}
        hs_token: hunter2-hs-{{id}}
        sender_localpart: {{id}}-bot
        rate_limited: false
        namespaces: {users: [{exclusive: true, regex: '@{{id}}_.*'}], aliases: [], rooms: []}
        """;

    /// <summary>Writes the files that it names.</summary>
    internal static void WriteFiles(ConfigFolder folder)
    {
        folder.Write("irc/registration.yaml", Registration("irc"));
        folder.Write("slack/registration.yaml", Registration("slack"));
        folder.Write("captcha.secret", "hunter2-captcha\n");
        folder.Write("oidc.secret", "hunter2-oidc\n");
        var (certificate, key) = Certificates.Make("example.org");
        folder.Write("tls.crt", certificate);
        folder.Write("tls.key", key);
        folder.Write("ca.pem", certificate);
    }
}
