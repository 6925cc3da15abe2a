using Matrix.Host.Media.Thumbnails;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Finds out, once the server serves, how images are decoded here. What is missing is logged.</summary>
internal sealed class ImageCheck(ImageTool images, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var serves = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var starting = lifetime.ApplicationStarted.UnsafeRegister(
            static serves => ((TaskCompletionSource)serves!).TrySetResult(), serves);
        await serves.Task.WaitAsync(stoppingToken);
        await images.CheckAsync(stoppingToken);
    }
}
