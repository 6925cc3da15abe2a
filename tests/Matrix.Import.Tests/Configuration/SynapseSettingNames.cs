namespace Matrix.Import.Tests.Configuration;

/// <summary>Names of Synapse's settings, as its documentation (1.157) and its code (1.160) have them.</summary>
internal static class SynapseSettingNames
{
    /// <summary>The outermost ones of the documentation, and two of 1.160.</summary>
    internal static IReadOnlyList<string> Documented { get; } = Split(
        """
        account_threepid_delegates admin_contact alias_creation_rules allow_device_name_lookup_over_federation
        allow_guest_access allow_per_room_profiles allow_profile_lookup_over_federation
        allow_public_rooms_over_federation allow_public_rooms_without_auth
        allow_underscore_prefixed_registration allowed_avatar_mimetypes allowed_local_3pids
        app_service_config_files auto_accept_invites auto_join_mxid_localpart auto_join_rooms
        auto_join_rooms_for_guests autocreate_auto_join_room_preset autocreate_auto_join_rooms
        autocreate_auto_join_rooms_federated background_updates bcrypt_rounds block_non_admin_invites caches
        cas_config daemonize database databases default_identity_server default_power_level_content_override
        default_room_version delete_stale_devices_after disable_msisdn_registration dummy_events_threshold
        dynamic_thumbnails email enable_3pid_changes enable_3pid_lookup enable_authenticated_media
        enable_local_media_storage enable_media_repo enable_metrics enable_registration
        enable_registration_captcha enable_registration_without_verification enable_room_list_search
        enable_search enable_set_avatar_url enable_set_displayname encryption_enabled_by_default_for_room_type
        event_cache_size exclude_rooms_from_presence exclude_rooms_from_sync extra_well_known_client_content
        federation federation_certificate_verification_whitelist federation_client_minimum_tls_version
        federation_custom_ca_list federation_domain_whitelist federation_metrics_domains
        federation_rr_transactions_per_room_per_second federation_sender_instances
        federation_verify_certificates federation_whitelist_endpoint_enabled filter_timeline_limit
        forget_rooms_on_leave forgotten_room_retention_period form_secret form_secret_path gc_min_interval
        gc_thresholds hs_disabled hs_disabled_message http_proxy https_proxy include_profile_data_on_invite
        include_profile_updates_in_sync inhibit_user_in_use_error instance_map ip_range_blacklist
        ip_range_whitelist jwt_config key_refresh_interval key_server_signing_keys_path
        limit_profile_requests_to_users_who_share_rooms limit_remote_rooms limit_usage_by_mau listeners
        log_config login_via_existing_session macaroon_secret_key macaroon_secret_key_path manhole
        manhole_settings matrix_authentication_service matrix_rtc mau_appservice_trial_days mau_limit_alerting
        mau_limit_reserved_threepids mau_stats_only mau_trial_days max_avatar_size max_event_delay_duration
        max_image_pixels max_mau_value max_pending_media_uploads max_spider_size max_upload_size
        media_instance_running_background_jobs media_retention media_storage_providers media_store_path
        media_upload_limits metrics_flags modules next_link_domain_whitelist no_proxy_hosts
        nonrefreshable_access_token_lifetime notify_appservices_from_worker oembed oidc_providers
        old_signing_keys opentracing outbound_federation_restricted_to password_config pid_file presence
        prevent_media_downloads_from print_pidfile public_baseurl push push_rules pusher_instances
        rc_3pid_validation rc_admin_redaction rc_delayed_event_mgmt rc_federation rc_invites rc_joins
        rc_joins_per_room rc_login rc_media_create rc_message rc_presence rc_registration
        rc_registration_token_validity rc_reports rc_room_creation rc_third_party_invite rc_user_directory
        recaptcha_private_key recaptcha_private_key_path recaptcha_public_key recaptcha_public_key_path
        recaptcha_siteverify_api redaction_retention_period redis refresh_token_lifetime
        refreshable_access_token_lifetime registration_requires_token registration_shared_secret
        registration_shared_secret_path registrations_require_3pid remote_media_download_burst_count
        remote_media_download_per_second report_stats report_stats_endpoint request_token_inhibit_3pid_errors
        require_auth_for_profile_requests require_membership_for_aliases retention room_list_publication_rules
        room_prejoin_state run_background_tasks_on saml2_config send_federation sentry serve_server_wellknown
        server_context server_name server_notices session_lifetime signing_key_path soft_file_limit sso
        start_pushers stats stream_writers suppress_key_server_warning templates thumbnail_sizes
        tls_certificate_path tls_private_key_path track_appservice_user_ips track_puppeted_user_ips
        trusted_key_servers turn_allow_guests turn_password turn_shared_secret turn_shared_secret_path turn_uris
        turn_user_lifetime turn_username ui_auth unused_expiration_time update_user_directory_from_worker
        url_preview_accept_language url_preview_enabled url_preview_ip_range_blacklist
        url_preview_ip_range_whitelist url_preview_url_blacklist use_appservice_legacy_authorization
        use_frozen_dicts user_agent_suffix user_consent user_directory user_ips_max_age user_types
        web_client_location worker_app worker_daemonize worker_listeners worker_log_config worker_manhole
        worker_name worker_pid_file worker_replication_secret worker_replication_secret_path
        """);

    /// <summary>Those within others, by their paths.</summary>
    internal static IReadOnlyList<string> Nested { get; } = Split(
        """
        modules.module modules.config presence.enabled presence.include_offline_users_on_sync
        presence.last_active_granularity presence.sync_online_timeout presence.idle_timeout listeners.port
        listeners.tag listeners.bind_addresses listeners.type listeners.tls listeners.x_forwarded
        listeners.request_id_header listeners.resources listeners.resources.names listeners.resources.compress
        listeners.additional_resources listeners.path listeners.mode manhole_settings.username
        manhole_settings.password manhole_settings.ssh_priv_key_path manhole_settings.ssh_pub_key_path
        matrix_authentication_service.enabled matrix_authentication_service.endpoint
        matrix_authentication_service.force_http2 matrix_authentication_service.secret
        matrix_authentication_service.secret_path email.smtp_host email.smtp_port email.smtp_user
        email.smtp_pass email.force_tls email.require_transport_security email.enable_tls email.tlsname
        email.notif_from email.app_name email.enable_notifs email.notif_for_new_users
        email.notif_delay_before_mail email.client_base_url email.validation_token_lifetime
        email.invite_client_location email.subjects email.subjects.message_from_person_in_room
        email.subjects.message_from_person email.subjects.messages_from_person email.subjects.messages_in_room
        email.subjects.messages_in_room_and_others email.subjects.messages_from_person_and_others
        email.subjects.invite_from_person_to_room email.subjects.invite_from_person
        email.subjects.password_reset email.subjects.email_validation user_types.default_user_type
        user_types.extra_user_types mau_limit_reserved_threepids.medium mau_limit_reserved_threepids.address
        limit_remote_rooms.enabled limit_remote_rooms.complexity limit_remote_rooms.complexity_error
        limit_remote_rooms.admins_can_join templates.custom_template_directory retention.enabled
        retention.default_policy retention.default_policy.min_lifetime retention.default_policy.max_lifetime
        retention.allowed_lifetime_min retention.allowed_lifetime_max retention.purge_jobs
        retention.purge_jobs.shortest_max_lifetime retention.purge_jobs.longest_max_lifetime
        retention.purge_jobs.interval federation.client_timeout federation.max_short_retry_delay
        federation.max_long_retry_delay federation.max_short_retries federation.max_long_retries
        federation.destination_min_retry_interval federation.destination_retry_multiplier
        federation.destination_max_retry_interval caches.global_factor caches.per_cache_factors
        caches.expire_caches caches.cache_entry_ttl caches.sync_response_cache_duration caches.cache_autotuning
        caches.cache_autotuning.max_cache_memory_usage caches.cache_autotuning.target_cache_memory_usage
        caches.cache_autotuning.min_cache_ttl database.name database.txn_limit database.allow_unsafe_locale
        database.args rc_login.address rc_login.account rc_login.failed_attempts rc_joins.local rc_joins.remote
        rc_invites.per_room rc_invites.per_user rc_invites.per_issuer rc_federation.window_size
        rc_federation.sleep_limit rc_federation.sleep_delay rc_federation.reject_limit rc_federation.concurrent
        rc_presence.per_user media_storage_providers.module media_storage_providers.store_local
        media_storage_providers.store_remote media_storage_providers.store_synchronous
        media_storage_providers.config media_storage_providers.config.directory thumbnail_sizes.width
        thumbnail_sizes.height thumbnail_sizes.method media_retention.local_media_lifetime
        media_retention.remote_media_lifetime oembed.disable_default_providers oembed.additional_providers
        matrix_rtc.transports matrix_rtc.transports.type matrix_rtc.transports.livekit_service_url
        allowed_local_3pids.medium allowed_local_3pids.pattern account_threepid_delegates.msisdn
        ui_auth.session_timeout login_via_existing_session.enabled login_via_existing_session.require_ui_auth
        login_via_existing_session.token_timeout sentry.dsn sentry.environment metrics_flags.known_servers
        room_prejoin_state.disable_default_event_types room_prejoin_state.additional_event_types
        saml2_config.idp_name saml2_config.idp_icon saml2_config.idp_brand saml2_config.sp_config
        saml2_config.config_path saml2_config.saml_session_lifetime saml2_config.user_mapping_provider
        saml2_config.user_mapping_provider.module saml2_config.user_mapping_provider.config
        saml2_config.grandfathered_mxid_source_attribute saml2_config.attribute_requirements
        saml2_config.attribute_requirements.attribute saml2_config.attribute_requirements.value
        saml2_config.attribute_requirements.one_of saml2_config.idp_entityid oidc_providers.idp_id
        oidc_providers.idp_name oidc_providers.idp_icon oidc_providers.idp_brand oidc_providers.discover
        oidc_providers.issuer oidc_providers.client_id oidc_providers.client_secret
        oidc_providers.client_secret_path oidc_providers.client_secret_jwt_key
        oidc_providers.client_secret_jwt_key.key oidc_providers.client_secret_jwt_key.key_file
        oidc_providers.client_secret_jwt_key.jwt_header oidc_providers.client_secret_jwt_key.jwt_header.alg
        oidc_providers.client_secret_jwt_key.jwt_payload oidc_providers.client_auth_method
        oidc_providers.pkce_method oidc_providers.id_token_signing_alg_values_supported oidc_providers.scopes
        oidc_providers.authorization_endpoint oidc_providers.token_endpoint oidc_providers.userinfo_endpoint
        oidc_providers.jwks_uri oidc_providers.skip_verification oidc_providers.user_profile_method
        oidc_providers.redirect_uri oidc_providers.additional_authorization_parameters
        oidc_providers.passthrough_authorization_parameters oidc_providers.allow_existing_users
        oidc_providers.enable_registration oidc_providers.user_mapping_provider
        oidc_providers.user_mapping_provider.module oidc_providers.user_mapping_provider.config
        oidc_providers.backchannel_logout_enabled oidc_providers.backchannel_logout_ignore_sub
        cas_config.enabled cas_config.idp_name cas_config.idp_icon cas_config.idp_brand cas_config.server_url
        cas_config.protocol_version cas_config.displayname_attribute cas_config.required_attributes
        cas_config.enable_registration cas_config.allow_numeric_ids cas_config.numeric_ids_prefix
        sso.client_whitelist sso.update_profile_information jwt_config.enabled jwt_config.secret
        jwt_config.algorithm jwt_config.subject_claim jwt_config.display_name_claim jwt_config.issuer
        jwt_config.audiences password_config.enabled password_config.localdb_enabled password_config.pepper
        password_config.policy password_config.policy.enabled password_config.policy.minimum_length
        password_config.policy.require_digit password_config.policy.require_symbol
        password_config.policy.require_lowercase password_config.policy.require_uppercase push.enabled
        push.include_content push.group_unread_count_by_room push.jitter_delay user_directory.enabled
        user_directory.search_all_users user_directory.prefer_local_users user_directory.exclude_remote_users
        user_directory.show_locked_users user_consent.template_dir user_consent.version
        user_consent.server_notice_content user_consent.server_notice_content.msgtype
        user_consent.server_notice_content.body user_consent.send_server_notice_to_guests
        user_consent.block_events_error user_consent.require_at_registration user_consent.policy_name
        stats.enabled server_notices.system_mxid_display_name server_notices.system_mxid_avatar_url
        server_notices.room_name server_notices.room_avatar_url server_notices.room_topic
        server_notices.auto_join alias_creation_rules.user_id alias_creation_rules.alias
        alias_creation_rules.room_id alias_creation_rules.action room_list_publication_rules.user_id
        room_list_publication_rules.alias room_list_publication_rules.room_id room_list_publication_rules.action
        opentracing.enabled opentracing.homeserver_whitelist opentracing.force_tracing_for_users
        opentracing.jaeger_config stream_writers.events stream_writers.typing stream_writers.to_device
        stream_writers.account_data stream_writers.receipts stream_writers.presence stream_writers.push_rules
        stream_writers.device_lists redis.enabled redis.host redis.port redis.path redis.password
        redis.password_path redis.dbid redis.use_tls redis.certificate_file redis.private_key_file redis.ca_file
        redis.ca_path background_updates.background_update_duration_ms background_updates.sleep_enabled
        background_updates.sleep_duration_ms background_updates.min_batch_size
        background_updates.default_batch_size auto_accept_invites.enabled
        auto_accept_invites.only_for_direct_messages auto_accept_invites.only_from_local_users
        auto_accept_invites.worker_to_run_on
        """);

    /// <summary>Those that only the code reads, most of them for old files.</summary>
    internal static IReadOnlyList<string> Undocumented { get; } = Split(
        """
        account_validity allow_underscore_prefixed_localpart backup_media_store_path bind_host bind_port
        cleanup_extremities_with_dummy_events database_path disable_registration dont_notify_new_devices_for
        enable_ephemeral_messages enable_registration_token_3pid_bypass experimental_features
        federation_ip_range_blacklist federation_rc_concurrent federation_rc_reject_limit
        federation_rc_sleep_delay federation_rc_sleep_limit federation_rc_window_size gzip_responses
        invite_3pid_guest ldap_config log_file metrics_bind_host metrics_port no_redirect_stdio no_tls
        notify_appservices oidc_config password_providers perspectives rc_key_requests rc_message_burst_count
        rc_messages_per_second replication_torture_level restrict_public_rooms_to_local_users
        room_invite_state_types signing_key spam_checker synchronous_backup_media_store third_party_event_rules
        trust_identity_server_for_password_resets unsecure_port update_user_directory
        use_account_validity_in_account_status use_insecure_ssl_client_just_for_testing_do_not_use use_presence
        worker_main_http_uri worker_replication_host worker_replication_http_port worker_replication_http_tls
        worker_replication_port
        """);

    private static string[] Split(string names) => names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
