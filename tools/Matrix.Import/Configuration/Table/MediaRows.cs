using static Matrix.Import.Configuration.Table.SettingRow;

namespace Matrix.Import.Configuration.Table;

/// <summary>Media and previews of pages.</summary>
internal static class MediaRows
{
    private const string Thumbnails = "Thumbnails of every size are made when they are asked for.";
    private const string Downloads = "media.remote_fetches and the like bound downloads from other servers.";

    internal static IReadOnlyList<SettingRow> Rows { get; } =
    [
        Costless("enable_media_repo", "The server serves media itself."),
        Carried("enable_authenticated_media", "media.unauthenticated_until"),
        Read("enable_local_media_storage", "The import reads the media where it is."),
        Read("media_store_path", "The import links or copies the files into media.folder."),
        Read(
            "media_storage_providers",
            "The import reads media from there. Where this server keeps its own: media.folder, media.s3_bucket."),
        Read("media_storage_providers.module", "The import reads media from there."),
        Read("media_storage_providers.store_local", "The import reads media from there."),
        Read("media_storage_providers.store_remote", "The import reads media from there."),
        Costless("media_storage_providers.store_synchronous", "The import reads only."),
        Read("media_storage_providers.config", "The import reads media from there."),
        Read("backup_media_store_path", "The import reads media from there."),
        Costless("synchronous_backup_media_store", "The import reads only."),
        Carried("max_upload_size", "media.upload_bytes"),
        Listed(
            "media_upload_limits",
            "Uploads of a user are bounded in all, by media.user_bytes, and not in a time.",
            "[]"),
        Carried("max_pending_media_uploads", "media.pending_per_user"),
        Carried("unused_expiration_time", "media.pending_time"),
        Carried("max_image_pixels", "media.thumbnail_pixels"),
        Costless("remote_media_download_burst_count", Downloads),
        Costless("remote_media_download_per_second", Downloads),
        Refused(
            "prevent_media_downloads_from",
            "Media of these servers is fetched: a policy list can refuse them (policy_lists.rooms).",
            "[]"),
        Costless("dynamic_thumbnails", Thumbnails),
        Costless("thumbnail_sizes", Thumbnails),
        Group("media_retention"),
        Carried("media_retention.local_media_lifetime", "media.local_kept"),
        Carried("media_retention.remote_media_lifetime", "media.remote_kept"),
        Costless("media_instance_running_background_jobs", "The server does this work itself."),
        Carried("url_preview_enabled", "media.previews"),
        Carried("url_preview_ip_range_blacklist", "media.previews"),
        Listed(
            "url_preview_ip_range_whitelist",
            "Pages in private networks are previewed only if federation.allow_networks has the network.",
            "[]"),
        Carried("url_preview_url_blacklist", "media.preview_denied"),
        Carried("url_preview_accept_language", "media.preview_languages"),
        Carried("max_spider_size", "media.preview_image_bytes"),
        Costless("oembed", "Previews are made of the pages themselves."),
    ];
}
