using Matrix.Host.Storage;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.ToDevice;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Users;

/// <summary>The parts that decide about users, for the composition root.</summary>
public static class UsersServices
{
    /// <summary>Adds them. An <see cref="ISentOnce"/> is for the caller to add.</summary>
    public static IServiceCollection AddUsers(this IServiceCollection services, string serverName, KeyOptions keys) => services
        .AddSingleton(keys)
        .AddSingleton<DeviceKeyUploads>()
        .AddSingleton<KeyQueries>()
        .AddSingleton<KeyClaims>()
        .AddSingleton<CrossSigningUploads>()
        .AddSingleton<SignatureUploads>()
        .AddSingleton<IToDeviceOutbox, NoOtherServers>()
        .AddSingleton(parts => new ToDeviceSender(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<ISentOnce>(),
            serverName,
            parts.GetRequiredService<IToDeviceOutbox>(),
            parts.GetRequiredService<KeyOptions>()));
}
