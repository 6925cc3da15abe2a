using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Matrix.Host.Media.Store;

/// <summary>Keeps contents in a bucket of an S3 service, each under its name.</summary>
public sealed class S3Files : IMediaFiles, IDisposable
{
    private readonly AmazonS3Client _client;
    private readonly string _bucket;
    private readonly string _prefix;

    /// <summary>Creates the client. Nothing is sent.</summary>
    public S3Files(S3Options options)
    {
        (_bucket, _prefix) = (options.Bucket, options.Prefix);
        _client = new AmazonS3Client(
            new BasicAWSCredentials(options.AccessKey, options.SecretKey),
            new AmazonS3Config
            {
                ServiceURL = options.Endpoint,
                AuthenticationRegion = options.Region,
                ForcePathStyle = options.PathStyle,
                Timeout = options.Time,
                MaxErrorRetry = 2,

                // The hash in the name is a checksum already, and not every service knows the others.
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            });
    }

    /// <inheritdoc/>
    public async ValueTask KeepAsync(SpooledFile file, string name, CancellationToken stop) =>
        await AskAsync(() => _client.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = _bucket,
                Key = _prefix + name,
                FilePath = file.Path,
                ContentType = Upload.DefaultType,
                UseChunkEncoding = false,
            },
            stop), stop);

    /// <inheritdoc/>
    public async ValueTask<MediaFile?> OpenAsync(string name, CancellationToken stop)
    {
        try
        {
            var known = await AskAsync(() => _client.GetObjectMetadataAsync(_bucket, _prefix + name, stop), stop);
            return new S3File(this, _prefix + name, known.ContentLength);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(string name, CancellationToken stop) =>
        await AskAsync(() => _client.DeleteObjectAsync(_bucket, _prefix + name, stop), stop);

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<string>> ListAsync(
        DateTimeOffset after, DateTimeOffset before, [EnumeratorCancellation] CancellationToken stop)
    {
        var request = new ListObjectsV2Request { BucketName = _bucket, Prefix = _prefix };
        while (true)
        {
            var page = await AskAsync(() => _client.ListObjectsV2Async(request, stop), stop);
            yield return
            [
                .. (page.S3Objects ?? [])
                    .Where(entry => entry.LastModified is { } at
                        && at.ToUniversalTime() >= after.UtcDateTime
                        && at.ToUniversalTime() < before.UtcDateTime)
                    .Select(entry => entry.Key[_prefix.Length..])
                    .Where(StoredName.IsValid),
            ];
            if (page.IsTruncated != true) yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>The failures of the service in the words of file systems.</summary>
    private static async Task<T> AskAsync<T>(Func<Task<T>> request, CancellationToken stop)
    {
        try
        {
            return await request();
        }
        catch (AmazonServiceException fault) when (fault.StatusCode == HttpStatusCode.NotFound)
        {
            throw new FileNotFoundException("The media's service has no such content or bucket.", fault);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception fault) when (fault is not IOException)
        {
            throw new IOException($"The media's service failed: {fault.Message}", fault);
        }
    }

    private sealed class S3File(S3Files files, string key, long length) : MediaFile
    {
        public override long Length => length;

        public override async ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken stop)
        {
            // A range of nothing cannot be asked for.
            if (length == 0) return Stream.Null;
            var request = new GetObjectRequest
            {
                BucketName = files._bucket,
                Key = key,
                ByteRange = new ByteRange(offset, offset + length - 1),
            };
            var response = await AskAsync(() => files._client.GetObjectAsync(request, stop), stop);
            return response.ResponseStream;
        }
    }
}
