using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>A storage provider of media, beside `media_store_path`.</summary>
/// <param name="Module">The module's name as configured.</param>
/// <param name="Kind">The kind that the module is.</param>
public sealed record MediaProvider(string Module, MediaProviderKind Kind)
{
    /// <summary>The folder; empty unless it is one.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The bucket; empty unless it is S3. So are all that follow.</summary>
    public string Bucket { get; init; } = "";

    /// <summary>What the names of its objects begin with.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The region; empty for the client's default.</summary>
    public string Region { get; init; } = "";

    /// <summary>The address of the service; empty for Amazon's.</summary>
    public string EndPoint { get; init; } = "";

    /// <summary>The id of the key; empty if the environment has one.</summary>
    public string AccessKey { get; init; } = "";

    /// <summary>The key; null if the environment has one.</summary>
    public Secret? SecretKey { get; init; }

    /// <summary>What a temporary key has besides; null for none.</summary>
    public Secret? SessionToken { get; init; }

    /// <summary>The key by which objects are encrypted at the service; null for none.</summary>
    public Secret? EncryptionKey { get; init; }

    /// <summary>Whether it has this server's media.</summary>
    public bool HasLocal { get; init; }

    /// <summary>Whether it has copies of other servers' media.</summary>
    public bool HasRemote { get; init; }

    internal static IReadOnlyList<MediaProvider> Read(SettingMap root) =>
        root.FilePath("backup_media_store_path") is { } folder
            ? [new("file_system", MediaProviderKind.Folder) { Folder = folder, HasLocal = true, HasRemote = true }]
            : [.. root.Maps("media_storage_providers").Select(Of)];

    private static MediaProvider Of(SettingMap provider)
    {
        var module = provider.Text("module") ?? "";
        var kind = module switch
        {
            "file_system" or "synapse.rest.media.v1.storage_provider" => MediaProviderKind.Folder,
            _ when module.EndsWith(".FileStorageProviderBackend", StringComparison.Ordinal) => MediaProviderKind.Folder,
            _ when module.EndsWith("S3StorageProviderBackend", StringComparison.Ordinal) => MediaProviderKind.S3,
            _ => MediaProviderKind.Other,
        };
        var read = new MediaProvider(module, kind)
        {
            HasLocal = provider.Flag("store_local", false),
            HasRemote = provider.Flag("store_remote", false),
        };
        return kind switch
        {
            MediaProviderKind.Folder => InFolder(read, provider),
            MediaProviderKind.S3 => InBucket(read, provider.Map("config")),
            _ => read,
        };
    }

    private static MediaProvider InFolder(MediaProvider read, SettingMap provider)
    {
        var config = provider.Map("config");
        if (config.FilePath("directory") is { } folder) return read with { Folder = folder };
        config.Refuse(ConfigProblemKind.SettingMissing, "directory", "expected the provider's folder");
        return read;
    }

    private static MediaProvider InBucket(MediaProvider read, SettingMap config)
    {
        if (!config.Has("bucket")) config.Refuse(ConfigProblemKind.SettingMissing, "bucket", "expected the bucket");
        return read with
        {
            Bucket = config.Text("bucket") ?? "",
            Prefix = config.Text("prefix") ?? "",
            Region = config.Text("region_name") ?? "",
            EndPoint = config.Text("endpoint_url") ?? "",
            AccessKey = config.AnyText("access_key_id") ?? "",
            SecretKey = config.AnyText("secret_access_key") is { Length: > 0 } key ? new Secret(key) : null,
            SessionToken = config.AnyText("session_token") is { Length: > 0 } token ? new Secret(token) : null,
            EncryptionKey = config.AnyText("sse_customer_key") is { Length: > 0 } sse ? new Secret(sse) : null,
        };
    }
}
