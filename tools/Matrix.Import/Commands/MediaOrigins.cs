using Matrix.Import.Configuration;
using Matrix.Import.Media;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Commands;

/// <summary>Where Synapse's media files are, by its configuration.</summary>
internal static class MediaOrigins
{
    /// <summary>Opens the places, and this server's folder for media.</summary>
    /// <exception cref="ImportException">This server's folder cannot be written.</exception>
    public static IKeptMedia Open(SynapseConfig config, ImportOptions options, IImportLog log)
    {
        var origins = new List<IMediaOrigin>();
        if (config.Media.HasFolder) origins.Add(new FolderOrigin(config.Media.Folder));
        foreach (var provider in config.Media.Providers)
        {
            switch (provider.Kind)
            {
                case MediaProviderKind.Folder:
                    origins.Add(new FolderOrigin(provider.Folder));
                    break;
                case MediaProviderKind.S3:
                    origins.Add(new BucketOrigin(new BucketAddress(
                        provider.Bucket, provider.Prefix, provider.Region, provider.EndPoint, provider.AccessKey,
                        provider.SecretKey?.Reveal() ?? "", provider.SessionToken?.Reveal() ?? "",
                        provider.EncryptionKey?.Reveal() ?? "")));
                    break;
                default:
                    log.Say(
                        $"The storage provider {provider.Module} is not known: media that only it has is left out by "
                        + "name.");
                    break;
            }
        }

        var folder = Path.Combine(options.DataFolder, "media");
        return new CarriedFiles(origins, new KeptFiles(folder, options.Choices.LinkMedia), options.DataFolder);
    }
}
