using System.Text;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Application services: their registrations are copied.</summary>
internal static class AppServiceMapping
{
    private const string Folder = "app-services";

    internal static void Map(MappingContext to)
    {
        foreach (var service in to.Config.AppServices)
        {
            to.Add(
                Folder,
                Path.GetFileNameWithoutExtension(service.File),
                ".yaml",
                Encoding.UTF8.GetBytes(service.Text.Reveal()));
        }

        if (to.Config.AppServices.Count > 0) to.Ours.Set("app_services.files", [Folder]);
        if (to.Config.AppServices.Count > 100) to.Ours.Set("app_services.most", to.Config.AppServices.Count, 1, 10_000);
        to.Ours.Set("app_services.token_in_query", to.From.Flag("use_appservice_legacy_authorization"));
    }
}
