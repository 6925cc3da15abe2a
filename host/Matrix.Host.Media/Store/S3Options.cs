using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Media.Store;

/// <summary>A bucket of an S3 service. Configuration: `media.s3`.</summary>
public sealed record S3Options
{
    [Setting(
        "media.s3_endpoint",
        "The address of an S3 service, such as https://s3.eu-central-1.amazonaws.com, in whose bucket contents "
            + "are kept; \"\" for the folder. Thumbnails stay in the folder.",
        Scope = SettingScope.Required)]
    public string Endpoint { get; init; } = "";

    [Setting("media.s3_region", "The region that signatures name.")]
    public string Region { get; init; } = "us-east-1";

    [Setting("media.s3_bucket", "The bucket, which must exist.", Scope = SettingScope.Required)]
    public string Bucket { get; init; } = "";

    [Setting("media.s3_prefix", "What the names of contents begin with.", Scope = SettingScope.Required)]
    public string Prefix { get; init; } = "";

    [Setting("media.s3_access_key", "The id of the key.")]
    public string AccessKey { get; init; } = "";

    [Setting("media.s3_secret_key", "The key.", IsSecret = true)]
    public string SecretKey { get; init; } = "";

    [Setting("media.s3_path_style", "Whether the bucket is named in the path, and not in the host's name.")]
    public bool PathStyle { get; init; } = true;

    [Setting("media.s3_time", "The time of one request to the service.", Form = SettingForm.Timer)]
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(5);

    // Without the key: records print all members.
    private bool PrintMembers(System.Text.StringBuilder text)
    {
        text.Append("Endpoint = ").Append(Endpoint).Append(", Bucket = ").Append(Bucket);
        return true;
    }
}
