using Matrix.Host.Storage;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ToDevice;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Users;

/// <summary>The parts that decide about users, for the composition root.</summary>
public static class UsersServices
{
    /// <summary>
    /// Adds them. An <see cref="ISentOnce"/> and an <see cref="IGuessLimits"/> are for others to add.
    /// </summary>
    public static IServiceCollection AddUsers(this IServiceCollection services, UsersOptions options, KeyOptions keys) => services
        .AddSingleton(options)
        .AddSingleton(keys)
        .AddSingleton<AccessTokens>()
        .AddSingleton<IAccessTokens>(parts => parts.GetRequiredService<AccessTokens>())
        .AddSingleton<Logins>()
        .AddSingleton<DeviceRemoval>()
        .AddSingleton<KnownLogins>()
        .AddSingleton<PasswordLogin>()
        .AddSingleton<UserLocks>()
        .AddSingleton<Usernames>()
        .AddSingleton<RegistrationGate>()
        .AddSingleton<Deactivation>()
        .AddSingleton<UserPushRules>()
        .AddSingleton<DeviceKeyUploads>()
        .AddSingleton<KeyQueries>()
        .AddSingleton<KeyClaims>()
        .AddSingleton<CrossSigningUploads>()
        .AddSingleton<SignatureUploads>()
        .AddSingleton<IToDeviceOutbox, NoOtherServers>()
        .AddSingleton(parts => new ToDeviceSender(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<ISentOnce>(),
            options.ServerName,
            parts.GetRequiredService<IToDeviceOutbox>(),
            keys));
}
