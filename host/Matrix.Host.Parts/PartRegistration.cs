using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Parts;

/// <summary>
/// Registers the parts of a server: a line for each. A part is made once, when it is first needed, by its only
/// constructor, which need not be public. Its arguments are other parts.
/// </summary>
public static class PartRegistration
{
    /// <summary>Adds a part.</summary>
    public static IServiceCollection Add<TPart>(this IServiceCollection services)
        where TPart : class => services.AddSingleton(Make<TPart>);

    /// <summary>Adds a part that others know as <typeparamref name="TService"/> only.</summary>
    public static IServiceCollection Add<TService, TPart>(this IServiceCollection services)
        where TService : class
        where TPart : class, TService => services.AddSingleton<TService>(Make<TPart>);

    /// <summary>Others know an added part as <typeparamref name="TService"/> too.</summary>
    public static IServiceCollection As<TService, TPart>(this IServiceCollection services)
        where TService : class
        where TPart : class, TService =>
        services.AddSingleton<TService>(static parts => parts.GetRequiredService<TPart>());

    /// <summary>
    /// An added part runs while the server does. Parts start in the order of these lines, and stop in the reversed one.
    /// </summary>
    public static IServiceCollection Runs<TPart>(this IServiceCollection services)
        where TPart : class, IHostedService =>
        services.AddHostedService(static parts => parts.GetRequiredService<TPart>());

    /// <summary>The part of this type.</summary>
    public static TPart Get<TPart>(this IServiceProvider parts)
        where TPart : notnull => parts.GetRequiredService<TPart>();

    private static TPart Make<TPart>(IServiceProvider parts)
    {
        var constructor = typeof(TPart)
            .GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Single();
        var arguments = Array.ConvertAll(constructor.GetParameters(), parameter => parameter.HasDefaultValue
            ? parts.GetService(parameter.ParameterType) ?? parameter.DefaultValue
            : parts.GetRequiredService(parameter.ParameterType));
        return (TPart)constructor.Invoke(BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null);
    }
}
