using Matrix.Host.Media.Operators;
using Matrix.Host.Media.Previews;
using Matrix.Host.Media.Remote;
using Matrix.Host.Media.Store;
using Matrix.Host.Media.Thumbnails;
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Media;

/// <summary>Registers the services of media.</summary>
public static class MediaRegistration
{
    /// <summary>Adds them. They need the storage, <see cref="MediaOptions"/> and a clock.</summary>
    /// <param name="folder">The folder of the files.</param>
    public static IServiceCollection AddMedia(this IServiceCollection services, MediaFolder folder) =>
        services
            .AddSingleton(folder.Spool)
            .AddSingleton(folder.Files)
            .AddSingleton(folder.Derived)
            .Add<ImageTool>()
            .Add<Thumbnailer>()
            .Add<MediaArrivals>()
            .Add<ContentRepository>()
            .Add<RemoteFetch>()
            .Add<RemoteMedia>()
            .Add<MediaFinder>()
            .Add<MediaCleaner>()
            .Add<MediaOperations>()
            .Add<MediaAdministration>()
            .Add<PreviewImages>()
            .Add<PreviewFetch>()
            .Add<UrlPreviews>()
            .Add<PreviewCleaner>()
            .Add<MediaCleaning>()
            .Add<OwnFolderCleaning>();
}
