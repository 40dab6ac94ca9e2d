import { inject, provideBrowserGlobalErrorListeners, provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import {
  PreloadAllModules,
  provideRouter,
  withComponentInputBinding,
  withNavigationErrorHandler,
  withPreloading,
} from '@angular/router';

import { Nodes } from './app/node/nodes';
import { ROUTES } from './app/routes';
import { Shell } from './app/shell/shell';

bootstrapApplication(Shell, {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideZonelessChangeDetection(),
    // Code of pages not visited yet is fetched once the first one stands: the node that serves it may die.
    provideRouter(
      ROUTES,
      withComponentInputBinding(),
      withPreloading(PreloadAllModules),
      // Died it before that, the whole page is had from another one.
      withNavigationErrorHandler(({ url }) => {
        const base = inject(Nodes).base();
        if (base) location.assign(base + url);
      }),
    ),
  ],
});
