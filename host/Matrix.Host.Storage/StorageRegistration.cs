using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Storage;

/// <summary>Registers a storage.</summary>
public static class StorageRegistration
{
    /// <summary>Adds an open storage, its writer and each of its tables.</summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, IStorage storage)
    {
        services.AddSingleton(storage);
        foreach (var table in typeof(IStorage).GetProperties())
        {
            services.AddSingleton(table.PropertyType, table.GetValue(storage)!);
        }

        return services;
    }
}
