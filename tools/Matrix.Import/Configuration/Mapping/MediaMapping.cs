namespace Matrix.Import.Configuration.Mapping;

/// <summary>Uploads and how long media is kept.</summary>
internal static class MediaMapping
{
    /// <summary>As much as everything, where Synapse has no bound.</summary>
    private const long Unbounded = 1L << 40;

    internal static void Map(MappingContext to)
    {
        var (from, ours) = (to.From, to.Ours);
        ours.SetBytes("media.upload_bytes", from.Bytes("max_upload_size"));
        ours.SetBytes("media.user_bytes", Unbounded);
        ours.Set("media.user_files", 10_000_000, 1, int.MaxValue);
        ours.Set("media.pending_per_user", from.Whole("max_pending_media_uploads"), 1, int.MaxValue);
        ours.Set("media.pending_time", from.Duration("unused_expiration_time"));
        ours.Set("media.thumbnail_pixels", from.Bytes("max_image_pixels"), 1, int.MaxValue);
        var retention = from.Map("media_retention");
        ours.Set("media.local_kept", retention.Duration("local_media_lifetime"));
        ours.Set("media.remote_kept", "ever");
        ours.Set("media.remote_kept", retention.Duration("remote_media_lifetime"));
        if (!from.Flag("enable_authenticated_media", true))
        {
            ours.Set("media.unauthenticated_until", "2100-01-01T00:00:00Z");
        }

        foreach (var provider in to.Config.Media.Providers)
        {
            if (provider.Kind == MediaProviderKind.Other)
            {
                to.Findings.Refuse(
                    $"media_storage_providers.{provider.Module}", "Media that only this module has is missing.");
            }
            else if (provider.Kind == MediaProviderKind.S3)
            {
                to.Findings.List(
                    "media_storage_providers",
                    "Media is kept in media.folder: set media.s3_endpoint and what belongs to it for a bucket.");
            }
        }
    }
}
